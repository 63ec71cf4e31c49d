package io.cloe.worker.kafka;

import io.cloe.topology.study.ModelFamilies;
import io.cloe.topology.study.ModelFamilies.ModelFamily;
import io.cloe.topology.study.RuleBook;
import io.cloe.worker.bundle.BundleException;
import io.cloe.worker.bundle.BundleReader;
import io.cloe.worker.bundle.ModelBundle;
import io.cloe.worker.config.ConfigurationException;
import io.cloe.worker.kafka.StartupException.Kind;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * The models of a deployment.
 *
 * @param bundles one per family; manifest and digests are checked, nothing is loaded
 * @param families their families; the first one serves events that name none
 */
public record ServedModels(List<ModelBundle> bundles, ModelFamilies families) {

    /**
     * Reads bundles.
     *
     * @throws StartupException if one is refused, or two serve one family
     */
    public static ServedModels open(List<Path> folders) throws StartupException {
        List<ModelBundle> bundles = new ArrayList<>();
        Set<String> names = new HashSet<>();
        for (Path folder : folders) {
            ModelBundle bundle = read(folder);
            if (!names.add(bundle.identity().family())) {
                throw new StartupException(
                        Kind.MODEL,
                        "two bundles serve the family " + bundle.identity().family() + "; allowed: one per family");
            }
            bundles.add(bundle);
        }
        ModelFamilies families = ModelFamilies.of(bundles.stream()
                .map(bundle -> new ModelFamily(bundle.identity().family(), bundle.modalities()))
                .toList());
        return new ServedModels(List.copyOf(bundles), families);
    }

    private static ModelBundle read(Path folder) throws StartupException {
        try {
            return BundleReader.open(folder);
        } catch (BundleException e) {
            throw new StartupException(
                    Kind.MODEL,
                    "model bundle " + folder.getFileName() + " refused: " + e.kind() + ": " + e.getMessage());
        }
    }

    /**
     * Study rules that these models can follow.
     *
     * @return the given rules
     * @throws ConfigurationException if a rule names a family or a modality that no model knows
     */
    public RuleBook requireFitting(RuleBook rules) throws ConfigurationException {
        Optional<String> misfit = rules.misfit(families);
        if (misfit.isPresent()) {
            throw new ConfigurationException("study rules: " + misfit.get());
        }
        return rules;
    }
}
