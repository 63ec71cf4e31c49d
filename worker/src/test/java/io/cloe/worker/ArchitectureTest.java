package io.cloe.worker;

import static com.tngtech.archunit.base.DescribedPredicate.describe;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.GeneralCodingRules.NO_CLASSES_SHOULD_ACCESS_STANDARD_STREAMS;
import static com.tngtech.archunit.library.GeneralCodingRules.NO_CLASSES_SHOULD_USE_JAVA_UTIL_LOGGING;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;
import io.cloe.topology.InferenceExecutor;

@AnalyzeClasses(packages = "io.cloe.worker", importOptions = ImportOption.DoNotIncludeTests.class)
class ArchitectureTest {

    @ArchTest
    static final ArchRule shouldKnowNothingOfKafkaWhenNotAtTheEdge = noClasses()
            .that()
            .resideOutsideOfPackages(
                    "io.cloe.worker.cli..",
                    "io.cloe.worker.submit..",
                    "io.cloe.worker.results..",
                    "io.cloe.worker.deadletters..",
                    "io.cloe.worker.kafka..",
                    "io.cloe.worker.config..")
            .should()
            .dependOnClassesThat()
            .resideInAPackage("org.apache.kafka..");

    @ArchTest
    static final ArchRule shouldKnowOnlyTheExecutorsPortOfTheTopologyWhenExecuting = noClasses()
            .that()
            .resideInAnyPackage(
                    "io.cloe.worker.volume..",
                    "io.cloe.worker.bundle..",
                    "io.cloe.worker.inference..",
                    "io.cloe.worker.masks..",
                    "io.cloe.worker.execution..")
            .should()
            .dependOnClassesThat(
                    describe("are in the topology, but for its executor's port", ArchitectureTest::isTopologysOwn));

    private static boolean isTopologysOwn(JavaClass type) {
        return type.getPackageName().startsWith("io.cloe.topology")
                && !type.isEquivalentTo(InferenceExecutor.class)
                && !type.isEquivalentTo(InferenceExecutor.Lease.class);
    }

    @ArchTest
    static final ArchRule shouldKnowNothingOfWhatRunsThemWhenTheyAreVolumesOrBundles = noClasses()
            .that()
            .resideInAnyPackage("io.cloe.worker.volume..", "io.cloe.worker.bundle..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage(
                    "io.cloe.worker.inference..",
                    "io.cloe.worker.execution..",
                    "io.cloe.worker.cli..",
                    "io.cloe.worker.kafka..");

    @ArchTest
    static final ArchRule shouldKnowNothingOfTheProcessAroundThemWhenTheyDoTheJobs = noClasses()
            .that()
            .resideInAnyPackage("io.cloe.worker.inference..", "io.cloe.worker.masks..", "io.cloe.worker.execution..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage(
                    "io.cloe.worker.cli..",
                    "io.cloe.worker.config..",
                    "io.cloe.worker.kafka..",
                    "io.cloe.worker.results..",
                    "io.cloe.worker.submit..");

    /** What the engine runs on does not leave its package. */
    @ArchTest
    static final ArchRule shouldKnowNothingOfTheRuntimeWhenItIsNotTheEngine = noClasses()
            .that()
            .resideOutsideOfPackage("io.cloe.worker.inference..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("ai.onnxruntime..", "ai.djl..");

    /** Nor do the clients of object stores. */
    @ArchTest
    static final ArchRule shouldKnowNothingOfObjectStoresWhenItDoesNotOpenThem = noClasses()
            .that()
            .resideOutsideOfPackage("io.cloe.worker.stores..")
            .should()
            .dependOnClassesThat()
            .resideInAPackage("software.amazon..");

    @ArchTest
    static final ArchRule shouldKnowNothingOfTheProcessAroundThemWhenTheyAreStores = noClasses()
            .that()
            .resideInAPackage("io.cloe.worker.stores..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage(
                    "io.cloe.worker.cli..",
                    "io.cloe.worker.config..",
                    "io.cloe.worker.kafka..",
                    "io.cloe.worker.execution..",
                    "io.cloe.worker.inference..");

    /** Broker classes are for deploy/standalone and it alone. */
    @ArchTest
    static final ArchRule shouldNotTouchBrokersWhenItIsAClient = noClasses()
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage(
                    "kafka..", "org.apache.kafka.server..", "org.apache.kafka.raft..", "org.apache.kafka.metadata..");

    @ArchTest
    static final ArchRule shouldHaveNoCyclesWhenPackagesDependOnEachOther =
            slices().matching("io.cloe.worker.(*)..").should().beFreeOfCycles();

    @ArchTest
    static final ArchRule shouldAnswerThroughTheCommandWhenPrinting = NO_CLASSES_SHOULD_ACCESS_STANDARD_STREAMS;

    @ArchTest
    static final ArchRule shouldLogThroughSlf4jWhenLogging = NO_CLASSES_SHOULD_USE_JAVA_UTIL_LOGGING;
}
