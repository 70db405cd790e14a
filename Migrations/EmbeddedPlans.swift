/// The plans that ship with the binary.
public enum EmbeddedPlans {
    /// The built-in plan's file name.
    public static let hybridName = "Migrations/Plans/hybrid-5.2.yaml"
    /// The built-in plan: step 5.2 is durable, everything else legacy.
    public static let hybrid = String(decoding: PackageResources.hybrid_5_2_yaml, as: UTF8.self)
    /// The file name of the plan that moves two steps.
    public static let twoStepsName = "Migrations/Plans/hybrid-2-5.2.yaml"
    /// Step 2 is durable in place of legacy's, and step 5.2 is new.
    public static let twoSteps = String(decoding: PackageResources.hybrid_2_5_2_yaml, as: UTF8.self)
    /// The file name of the plan that moves nothing.
    public static let legacyName = "Migrations/Plans/legacy.yaml"
    /// Where every migration starts: ten steps, all legacy.
    public static let legacy = String(decoding: PackageResources.legacy_yaml, as: UTF8.self)
    /// The file name of the plan that moves every step.
    public static let allDurableName = "Migrations/Plans/all-durable.yaml"
    /// Every step is durable.
    public static let allDurable = String(decoding: PackageResources.all_durable_yaml, as: UTF8.self)
    /// The file name of the plan without legacy.
    public static let retiredName = "Migrations/Plans/retired.yaml"
    /// Every step is retired.
    public static let retired = String(decoding: PackageResources.retired_yaml, as: UTF8.self)
}
