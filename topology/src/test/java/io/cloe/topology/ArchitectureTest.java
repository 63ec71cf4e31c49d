package io.cloe.topology;

import static com.tngtech.archunit.core.domain.JavaAccess.Predicates.target;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.core.domain.properties.HasName.Predicates.name;
import static com.tngtech.archunit.core.domain.properties.HasOwner.Predicates.With.owner;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.GeneralCodingRules.NO_CLASSES_SHOULD_ACCESS_STANDARD_STREAMS;
import static com.tngtech.archunit.library.GeneralCodingRules.NO_CLASSES_SHOULD_USE_JAVA_UTIL_LOGGING;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;

@AnalyzeClasses(packages = "io.cloe.topology", importOptions = ImportOption.DoNotIncludeTests.class)
class ArchitectureTest {

    @ArchTest
    static final ArchRule shouldKnowNothingOfTheProcessAroundItWhenDeciding = noClasses()
            .should()
            .dependOnClassesThat(resideInAnyPackage("io.cloe.worker..", "ai.onnxruntime..", "ai.djl.."));

    @ArchTest
    static final ArchRule shouldTouchNoFilesWhenDeciding = noClasses()
            .should()
            .dependOnClassesThat(
                    resideInAnyPackage("java.io..", "java.nio.file..", "java.nio.channels..", "java.net.."));

    /** Time comes with each record, so that tests can set it. */
    @ArchTest
    static final ArchRule shouldLookAtNoClockWhenDeciding = noClasses()
            .should()
            .dependOnClassesThat(resideInAPackage("java.time..").and(name("java.time.Clock")))
            .orShould()
            .callMethodWhere(target(owner(resideInAPackage("java.time.."))).and(target(name("now"))))
            .orShould()
            .callMethod(System.class, "currentTimeMillis")
            .orShould()
            .callMethod(System.class, "nanoTime");

    @ArchTest
    static final ArchRule shouldKnowNothingOfKafkaWhenItIsAStudyRule = noClasses()
            .that()
            .resideInAPackage("io.cloe.topology.study..")
            .should()
            .dependOnClassesThat(resideInAPackage("org.apache.kafka.."));

    @ArchTest
    static final ArchRule shouldNotTouchBrokersWhenItIsAClient = noClasses()
            .should()
            .dependOnClassesThat(resideInAnyPackage(
                    "kafka..", "org.apache.kafka.server..", "org.apache.kafka.raft..", "org.apache.kafka.metadata.."));

    @ArchTest
    static final ArchRule shouldHaveNoCyclesWhenPackagesDependOnEachOther =
            slices().matching("io.cloe.(**)").should().beFreeOfCycles();

    @ArchTest
    static final ArchRule shouldPrintNothingWhenDeciding = NO_CLASSES_SHOULD_ACCESS_STANDARD_STREAMS;

    @ArchTest
    static final ArchRule shouldLogThroughSlf4jWhenLogging = NO_CLASSES_SHOULD_USE_JAVA_UTIL_LOGGING;
}
