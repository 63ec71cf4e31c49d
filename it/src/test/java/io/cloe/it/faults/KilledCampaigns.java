package io.cloe.it.faults;

import io.cloe.it.faults.StudyLoad.Expected;
import io.cloe.it.tools.Bundles;
import io.cloe.it.tools.Outputs;
import io.cloe.it.tools.Repository;
import io.cloe.worker.config.WorkerConfig;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * Campaigns publish for all stored studies, one after the other, now with one model and now with the other, while studies come, scans of
 * some stored ones are replaced, and two workers and three brokers are killed again and again.
 */
final class KilledCampaigns implements Scenario {

    private static final int PLACES = 2;
    private static final int STORED = 200;
    private static final int DISTURBED = 20;
    private static final String SITE = "archive";
    private static final Duration BETWEEN_CORRECTIONS = Duration.ofSeconds(4);

    /** So many studies a minute that a campaign goes on over many kills. */
    private static final String RATE = "150";

    /** One kill of so many is a broker's. */
    private static final int BROKER_SHARE = 4;

    private final int kills;
    private final List<Campaign> campaigns = new ArrayList<>();
    private final List<String> problems = new ArrayList<>();
    private Path repository;

    KilledCampaigns(int kills) {
        this.kills = kills;
    }

    @Override
    public String name() {
        return "killed-campaigns";
    }

    @Override
    public int brokers() {
        return 3;
    }

    @Override
    public Map<String, String> settings(Path folder) {
        repository = folder.resolve("models");
        return Map.of(WorkerConfig.MODEL_REPOSITORY, repository.toString());
    }

    @Override
    public void run(Situation situation) throws Exception {
        Files.createDirectories(repository);
        Bundles.Name live = Bundles.name(Repository.tinyBundle());
        List<Bundles.Name> models = List.of(Bundles.differing(repository.resolve("next"), "2.0.0"), live);
        RandomKills workers = new RandomKills(situation, PLACES);
        workers.end();
        List<Expected> stored = situation.startStored(SITE, STORED);
        List<String> studies = stored.stream().map(Expected::studyId).toList();
        try (Outputs outputs = situation.outputs()) {
            studies.forEach(study -> outputs.awaitResult(study, 0));
            situation.startLoad();
            situation.startCorrections(stored.subList(0, DISTURBED), BETWEEN_CORRECTIONS);
            Campaign campaign = begin(situation, outputs, studies, models);
            for (int kill = 1; kill <= kills; kill++) {
                outputs.drain();
                if (campaign.isOver()) {
                    campaign = begin(situation, outputs, studies, models);
                }
                if (situation.random().nextInt(BROKER_SHARE) == 0) {
                    situation.killForAWhile(situation
                            .brokers()
                            .get(situation.random().nextInt(situation.brokers().size())));
                } else {
                    workers.next();
                }
                superviseAll(situation);
                if (kill % 20 == 0) {
                    situation.say(kill + " kills, " + situation.studies().size() + " studies, campaign "
                            + campaigns.size() + " has done " + campaign.done());
                }
            }
            workers.end();
            superviseAll(situation);
            campaign.awaitEnd(situation.fleet());
            judge(outputs, studies);
            situation.say(campaigns.size() + " campaigns published for "
                    + campaigns.stream().mapToLong(Campaign::done).sum() + " of "
                    + campaigns.size() * STORED + " studies, the others were left to live work");
        }
    }

    private Campaign begin(Situation situation, Outputs outputs, List<String> studies, List<Bundles.Name> models) {
        Bundles.Name model = models.get(campaigns.size() % models.size());
        Campaign begun =
                Campaign.beginInTheEnd(situation.cloe(), outputs, model, studies, "--site", SITE, "--rate", RATE);
        campaigns.add(begun);
        return begun;
    }

    /** A worker that meets a broker's end at a bad moment ends, and is started again. */
    private static void superviseAll(Situation situation) {
        for (int place = 0; place < PLACES; place++) {
            situation.fleet().supervise(place);
        }
    }

    private void judge(Outputs outputs, List<String> studies) {
        Set<String> disturbed = studies.stream().limit(DISTURBED).collect(Collectors.toSet());
        campaigns.forEach(campaign -> problems.addAll(campaign.problems(disturbed)));
        problems.addAll(Campaign.untold(outputs, studies));
    }

    @Override
    public List<String> problems() {
        return problems;
    }
}
