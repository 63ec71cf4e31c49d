package io.cloe.worker.cli;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import io.cloe.worker.results.OutputReader;
import io.cloe.worker.results.RecordJson;
import io.cloe.worker.results.StoryText;
import io.cloe.worker.results.StudyStory;
import java.io.PrintWriter;
import java.time.ZoneId;
import java.util.List;
import org.apache.avro.specific.SpecificRecord;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code cloe why}. */
@Command(
        name = "why",
        description =
                "Tells a study's story: what arrived when, what was missing, which rule closed it, every revision and"
                        + " why, every failure.",
        mixinStandardHelpOptions = true,
        sortOptions = false)
final class WhyCommand extends WorkerCommand {

    @Parameters(paramLabel = "STUDY", description = "Study id.")
    private String studyId;

    @Option(names = "--json", description = "All records of the study as a JSON array.")
    private boolean json;

    @Override
    public Integer call() throws Exception {
        PrintWriter out = spec.commandLine().getOut();
        List<SpecificRecord> outputs = OutputReader.ofStudy(settings.client(), studyId);
        StudyStory story = StudyStory.of(outputs);
        if (story.isEmpty()) {
            complain("no worker has heard of this study");
            return ExitCode.FAILED;
        }
        if (json) {
            ArrayNode array = JsonNodeFactory.instance.arrayNode();
            outputs.forEach(
                    record -> array.add(RecordJson.withTopic(record.getSchema().getName(), record)));
            out.println(array.toPrettyString());
        } else {
            out.print(new StoryText(ZoneId.systemDefault()).of(studyId, story));
        }
        out.flush();
        return ExitCode.OK;
    }
}
