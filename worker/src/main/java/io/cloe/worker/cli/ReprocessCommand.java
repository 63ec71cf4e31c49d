package io.cloe.worker.cli;

import io.cloe.schemas.CampaignMode;
import io.cloe.schemas.CampaignOrder;
import io.cloe.schemas.CampaignOutput;
import io.cloe.schemas.CampaignPhase;
import io.cloe.schemas.ModelComparison;
import io.cloe.schemas.ReadyModel;
import io.cloe.schemas.ReprocessCampaign;
import io.cloe.schemas.ReprocessProgress;
import io.cloe.worker.kafka.ClientSettings;
import io.cloe.worker.results.CampaignReport;
import io.cloe.worker.results.LatestRecords;
import io.cloe.worker.submit.ControlProducer;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code cloe reprocess}. */
@Command(
        name = "reprocess",
        description = "Campaigns that run a model on studies that have a result.",
        mixinStandardHelpOptions = true,
        subcommands = {
            ReprocessCommand.Start.class,
            ReprocessCommand.DryRun.class,
            ReprocessCommand.ListCampaigns.class,
            ReprocessCommand.Pause.class,
            ReprocessCommand.Resume.class,
            ReprocessCommand.Cancel.class,
            ReprocessCommand.Report.class
        })
final class ReprocessCommand {

    /** A campaign that is to begin. */
    abstract static class Beginning extends ModelRollout.Named {

        @Mixin
        CampaignOptions options;

        @Option(
                names = "--as-complete",
                description = "Uses all scans that ever arrived. Default: those of the result that stands.")
        boolean asComplete;

        final ReprocessCampaign begin(ClientSettings client, CampaignOutput output) throws Exception {
            ModelsAtHand models = ModelsAtHand.read(client);
            ReadyModel model = models.require(family, id, version);
            models.requireFitting(model);
            CampaignMode mode = asComplete ? CampaignMode.AS_COMPLETE : CampaignMode.AS_DECIDED;
            return CampaignOptions.start(client, options.campaign(model.getModel(), mode, output, null), spec);
        }
    }

    /** {@code cloe reprocess start}. */
    @Command(
            name = "start",
            description = "Runs a model on stored studies, below live work. Compares only, unless --publish is given.",
            mixinStandardHelpOptions = true,
            sortOptions = false)
    static final class Start extends Beginning implements Callable<Integer> {

        @Option(names = "--publish", description = "Publishes each result as the next revision of its study.")
        private boolean publish;

        @Option(names = "--wait", description = "Shows the progress until the campaign is over.")
        private boolean waits;

        @Override
        public Integer call() throws Exception {
            ClientSettings client = settings.client();
            ReprocessCampaign campaign = begin(client, publish ? CampaignOutput.PUBLISH : CampaignOutput.SHADOW);
            return waits ? follow(client, campaign, spec) : ExitCode.OK;
        }
    }

    /** {@code cloe reprocess dry-run}. */
    @Command(
            name = "dry-run",
            description = "Counts the studies that a campaign would run on; runs nothing.",
            mixinStandardHelpOptions = true,
            sortOptions = false)
    static final class DryRun extends Beginning implements Callable<Integer> {

        @Override
        public Integer call() throws Exception {
            ClientSettings client = settings.client();
            return follow(client, begin(client, CampaignOutput.COUNT), spec);
        }
    }

    /** {@code cloe reprocess list}. */
    @Command(
            name = "list",
            description = "All campaigns: where they stand, how far they are, what they wait for.",
            mixinStandardHelpOptions = true,
            sortOptions = false)
    static final class ListCampaigns implements Callable<Integer> {

        @Mixin
        private SettingsOptions settings;

        @Spec
        private CommandSpec spec;

        @Override
        public Integer call() throws Exception {
            PrintWriter out = spec.commandLine().getOut();
            progress(settings.client()).forEach((id, parts) -> out.println(id + "  " + text(parts)));
            out.flush();
            return ExitCode.OK;
        }
    }

    /** An order to a campaign. */
    abstract static class Order implements Callable<Integer> {

        @Mixin
        SettingsOptions settings;

        @Parameters(paramLabel = "CAMPAIGN", description = "Name of the campaign, as 'start' and 'list' show it.")
        String campaignId;

        @Spec
        CommandSpec spec;

        private final CampaignOrder order;

        Order(CampaignOrder order) {
            this.order = order;
        }

        @Override
        public Integer call() throws Exception {
            ClientSettings client = settings.client();
            Map<String, ReprocessCampaign> campaigns =
                    LatestRecords.of(client, client.topics().reprocessCampaigns(), ReprocessCampaign.class);
            ReprocessCampaign campaign = campaigns.get(campaignId);
            if (campaign == null) {
                throw new UserErrorException("no campaign " + campaignId + "; allowed: what 'reprocess list' shows");
            }
            try (ControlProducer producer = new ControlProducer(client)) {
                producer.send(
                        ReprocessCampaign.newBuilder(campaign).setOrder(order).build());
            }
            return ExitCode.OK;
        }
    }

    /** {@code cloe reprocess pause}. */
    @Command(
            name = "pause",
            description = "Starts no more studies; those at work end.",
            mixinStandardHelpOptions = true)
    static final class Pause extends Order {
        Pause() {
            super(CampaignOrder.PAUSE);
        }
    }

    /** {@code cloe reprocess resume}. */
    @Command(name = "resume", description = "Goes on where it was paused.", mixinStandardHelpOptions = true)
    static final class Resume extends Order {
        Resume() {
            super(CampaignOrder.RUN);
        }
    }

    /** {@code cloe reprocess cancel}. */
    @Command(
            name = "cancel",
            description = "Ends a campaign for good, and gives up what is at work. What was published stays.",
            mixinStandardHelpOptions = true)
    static final class Cancel extends Order {
        Cancel() {
            super(CampaignOrder.CANCEL);
        }
    }

    /** {@code cloe reprocess report}. */
    @Command(
            name = "report",
            description = "What a campaign found: Dice per region, volumes, flags, the studies that changed most.",
            mixinStandardHelpOptions = true,
            sortOptions = false)
    static final class Report implements Callable<Integer> {

        @Mixin
        private SettingsOptions settings;

        @Parameters(paramLabel = "CAMPAIGN", description = "Name of the campaign.")
        private String campaignId;

        @Option(names = "--svg", paramLabel = "FILE", description = "Also writes histograms of Dice as a picture.")
        private Path svg;

        @Option(
                names = "--page",
                paramLabel = "URL",
                defaultValue = "",
                description = "Address of the review page, to link studies to.")
        private String page;

        @Spec
        private CommandSpec spec;

        @Override
        public Integer call() throws Exception {
            ClientSettings client = settings.client();
            List<ModelComparison> comparisons =
                    LatestRecords.all(client, client.topics().modelComparisons(), ModelComparison.class).stream()
                            .filter(comparison -> comparison.getCampaignId().equals(campaignId))
                            .toList();
            if (comparisons.isEmpty()) {
                throw new UserErrorException("no comparisons of a campaign " + campaignId + "; see 'reprocess list'");
            }
            spec.commandLine().getOut().print(CampaignReport.text(comparisons, page));
            spec.commandLine().getOut().flush();
            if (svg != null) {
                Files.writeString(svg, CampaignReport.svg(comparisons));
            }
            return ExitCode.OK;
        }
    }

    private static Map<String, List<ReprocessProgress>> progress(ClientSettings client) {
        return LatestRecords.of(client, client.topics().reprocessProgress(), ReprocessProgress.class).values().stream()
                .collect(Collectors.groupingBy(ReprocessProgress::getCampaignId, TreeMap::new, Collectors.toList()));
    }

    private static int follow(ClientSettings client, ReprocessCampaign campaign, CommandSpec spec) throws Exception {
        PrintWriter out = spec.commandLine().getOut();
        String last = "";
        while (true) {
            List<ReprocessProgress> parts = progress(client).getOrDefault(campaign.getCampaignId(), List.of());
            String text = text(parts);
            if (!text.equals(last)) {
                out.println(text);
                out.flush();
                last = text;
            }
            if (parts.size() >= campaign.getPartitions() && parts.stream().allMatch(ReprocessCommand::isOver)) {
                if (parts.stream().mapToLong(ReprocessProgress::getSelected).sum() == 0) {
                    throw new UserErrorException("no study with a result fits the selection");
                }
                return ExitCode.OK;
            }
            TimeUnit.SECONDS.sleep(1);
        }
    }

    private static boolean isOver(ReprocessProgress part) {
        return part.getPhase() == CampaignPhase.DONE || part.getPhase() == CampaignPhase.CANCELLED;
    }

    /** One line: a bar, counts, the time left, and what is waited for. */
    private static String text(List<ReprocessProgress> parts) {
        long selected = parts.stream().mapToLong(ReprocessProgress::getSelected).sum();
        long done = parts.stream().mapToLong(ReprocessProgress::getDone).sum();
        long skipped = parts.stream().mapToLong(ReprocessProgress::getSkipped).sum();
        long failed = parts.stream().mapToLong(ReprocessProgress::getFailed).sum();
        int filled = selected == 0 ? 0 : (int) Math.min(20, 20 * (done + skipped + failed) / selected);
        StringBuilder text = new StringBuilder(String.format(
                Locale.ROOT,
                "[%s%s] %d of %d done, %d skipped, %d failed",
                "#".repeat(filled),
                ".".repeat(20 - filled),
                done,
                selected,
                skipped,
                failed));
        Map<String, Long> phases = parts.stream()
                .collect(Collectors.groupingBy(
                        part -> part.getPhase().name().toLowerCase(Locale.ROOT)
                                + (part.getWaitingFor() == null ? "" : " for " + part.getWaitingFor()),
                        TreeMap::new,
                        Collectors.counting()));
        text.append("  partitions ").append(phases.toString().replaceAll("[{}]", ""));
        Map<String, Long> reasons = new TreeMap<>();
        parts.forEach(part -> part.getReasons().forEach((why, count) -> reasons.merge(why, count, Long::sum)));
        if (!reasons.isEmpty()) {
            text.append("  ").append(reasons.toString().replaceAll("[{}]", ""));
        }
        Optional<Long> left = parts.stream()
                .map(ReprocessProgress::getRemainingSeconds)
                .filter(Objects::nonNull)
                .max(Long::compare);
        left.filter(seconds -> seconds > 0)
                .ifPresent(seconds -> text.append("  ").append(seconds).append(" s left"));
        return text.toString();
    }
}
