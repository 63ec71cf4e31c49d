package io.cloe.worker.cli;

import java.util.Optional;
import picocli.CommandLine.Option;

/** How fast a campaign goes. */
final class PaceOptions {

    @Option(names = "--rate", paramLabel = "PER-MINUTE", description = "Most studies started per minute.")
    private Double rate;

    @Option(
            names = "--concurrency",
            paramLabel = "STUDIES",
            description = "Most studies at work at a time; at least one per partition. A campaign begins with "
                    + CampaignOptions.USUAL_CONCURRENCY + ".")
    private Integer concurrency;

    Optional<Double> rate() throws UserErrorException {
        if (rate != null && !(rate > 0)) {
            throw new UserErrorException("--rate " + rate + "; allowed: above 0");
        }
        return Optional.ofNullable(rate);
    }

    Optional<Integer> concurrency() throws UserErrorException {
        if (concurrency != null && concurrency < 1) {
            throw new UserErrorException("--concurrency " + concurrency + "; allowed: 1 or more");
        }
        return Optional.ofNullable(concurrency);
    }
}
