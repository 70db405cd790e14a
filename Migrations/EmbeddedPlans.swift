/// The plans that ship with the binary.
public enum EmbeddedPlans {
    /// The built-in plan's file name.
    public static let hybridName = "Migrations/Plans/hybrid-5.2.yaml"
    /// The built-in plan: step 5.2 is durable, everything else legacy.
    public static let hybrid = String(decoding: PackageResources.hybrid_5_2_yaml, as: UTF8.self)
}
