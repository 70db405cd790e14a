/// The cases of one step in one direction, each counted once.
struct KnownCases: Sendable {
    /// A case as it was compared.
    struct One {
        /// Names the case.
        var id: String
        /// The class of its path.
        var path: String
        /// Its whole path, as a name.
        var way: String
        /// Names what was judged.
        var version: String
        /// True when it differs in a way that nothing explains.
        var isMismatch: Bool
    }

    struct Counts {
        var cases = 0
        var mismatches = 0
    }

    /// What was judged, in the order in which it came.
    private(set) var versions: [String] = []
    /// Counts by version and class of path.
    private(set) var strata: [String: [String: Counts]] = [:]
    private(set) var unseen: [String: UnseenMass] = [:]
    /// Cases that were compared again with another version, by that version.
    private(set) var again: [String: Set<String>] = [:]
    private var first: [String: (version: String, path: String)] = [:]
    /// Cases that differ, by version.
    private var differing: [String: Set<String>] = [:]

    /// A case counts for the version that compared it first: a mended build that passes what its author has seen proves little. One that
    /// differs counts against every version that shows it.
    mutating func add(_ one: One) {
        if !versions.contains(one.version) { versions.append(one.version) }
        let before = first[one.id]
        if let before, before.version != one.version { again[one.version, default: []].insert(one.id) }
        let differs = one.isMismatch && differing[one.version, default: []].insert(one.id).inserted
        guard before == nil || differs else { return }
        if before == nil { first[one.id] = (one.version, one.path) }
        let isCounted = before?.version == one.version
        let path = isCounted ? before?.path ?? one.path : one.path
        var counts = strata[one.version]?[path] ?? Counts()
        counts.cases += isCounted ? 0 : 1
        counts.mismatches += differs ? 1 : 0
        strata[one.version, default: [:]][path] = counts
        if !isCounted { unseen[one.version, default: UnseenMass()].add(one.way) }
    }

    /// True when adding `one` would change nothing that is counted.
    func knows(_ one: One) -> Bool {
        let isKnown = first[one.id]?.version == one.version || again[one.version]?.contains(one.id) ?? false
        return isKnown && (!one.isMismatch || differing[one.version]?.contains(one.id) ?? false)
    }

    /// Cases that count for another version than `version`, of a class of paths, or of all.
    func voided(_ path: String? = nil, but version: String) -> Int {
        first.values.count { $0.version != version && (path == nil || $0.path == path) }
    }
}
