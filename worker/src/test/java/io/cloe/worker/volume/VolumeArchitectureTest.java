package io.cloe.worker.volume;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;

import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;

@AnalyzeClasses(packages = "io.cloe.worker.volume", importOptions = ImportOption.DoNotIncludeTests.class)
class VolumeArchitectureTest {
    /** Volumes know nothing of Kafka, models or the process around them. */
    @ArchTest
    static final ArchRule shouldNeedOnlyTheSchemasWhenHandlingVolumes = classes()
            .should()
            .onlyDependOnClassesThat()
            .resideInAnyPackage("io.cloe.worker.volume", "io.cloe.schemas", "org.apache.avro..", "java..");
}
