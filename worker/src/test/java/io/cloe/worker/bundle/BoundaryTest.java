package io.cloe.worker.bundle;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;

@AnalyzeClasses(
        packages = {"io.cloe.worker.bundle", "io.cloe.worker.inference"},
        importOptions = ImportOption.DoNotIncludeTests.class)
class BoundaryTest {

    @ArchTest
    static final ArchRule KAFKA_STAYS_OUT =
            noClasses().should().dependOnClassesThat().resideInAnyPackage("org.apache.kafka..", "io.cloe.topology..");

    @ArchTest
    static final ArchRule BUNDLES_KNOW_NO_RUNTIME = noClasses()
            .that()
            .resideInAPackage("io.cloe.worker.bundle..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("ai.onnxruntime..", "ai.djl..", "io.cloe.worker.inference..");

    @ArchTest
    static final ArchRule DJL_STAYS_IN_ITS_ADAPTER = noClasses()
            .that()
            .resideInAPackage("io.cloe.worker.inference")
            .and()
            .haveNameNotMatching(".*OnnxRuntime.*")
            .should()
            .dependOnClassesThat()
            .resideInAPackage("ai.djl..");
}
