/// The schema's versions in order; append-only.
public enum EmbeddedSchema {
    /// Name and SQL of every version, oldest first.
    public static let versions: [(name: String, sql: String)] = [
        ("v001_lockstep", text(PackageResources.v001_lockstep_sql)),
        ("v002_workflows", text(PackageResources.v002_workflows_sql)),
        ("v003_pins", text(PackageResources.v003_pins_sql)),
        ("v010_workflow_runtime", text(PackageResources.v010_workflow_runtime_sql)),
        ("v011_moves", text(PackageResources.v011_moves_sql)),
        ("v012_workflow_once", text(PackageResources.v012_workflow_once_sql)),
        ("v013_unclaimed", text(PackageResources.v013_unclaimed_sql)),
        ("v014_legacy_service", text(PackageResources.v014_legacy_service_sql)),
        ("v015_intentions_in_order", text(PackageResources.v015_intentions_in_order_sql)),
        ("v016_archive", text(PackageResources.v016_archive_sql)),
        ("v017_shadow", text(PackageResources.v017_shadow_sql)),
        ("v018_open_rows", text(PackageResources.v018_open_rows_sql)),
        ("v019_history_by_place", text(PackageResources.v019_history_by_place_sql)),
        ("v020_shadow_follower", text(PackageResources.v020_shadow_follower_sql)),
        ("v021_segment_mark", text(PackageResources.v021_segment_mark_sql)),
        ("v022_judged_visits", text(PackageResources.v022_judged_visits_sql)),
    ]

    private static func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
}
