import Events

/// Where the runs of a store stand towards the patches of their code: what may be removed from it, and what may not yet.
///
/// What is known comes from the histories, which note a patch that is on, and from replaying the open runs against the code that is here,
/// which shows the runs that went past the point before the patch existed.
public struct PatchReport: Codable, Hashable, Sendable {
    /// A run, as short as can be.
    public struct Run: Codable, Hashable, Sendable {
        /// The workflow.
        public var workflow: String
        /// Its run.
        public var run: String
    }

    /// One patch.
    public struct Patch: Codable, Hashable, Sendable {
        /// Its id.
        public var id: String
        /// How the code that is here asks for it, where a replay has come by: `patched`, `deprecatePatch`.
        public var calls: [String] = []
        /// Open runs that went past the point before the patch existed: they keep the old branch.
        public var before: [Run] = []
        /// Open runs with its marker, made by `patched`.
        public var marked: [Run] = []
        /// Open runs with its marker, made by `deprecatePatch`.
        public var deprecated: [Run] = []
        /// Open runs of the same types that have not reached the point: they will take the new branch.
        public var notReached: [Run] = []
        /// Open runs of which nothing is known, because they do not fit the code that is here.
        public var unknown: [Run] = []
        /// Closed runs with its marker that the store still has: without the call they cannot be replayed, queried or reset any more.
        public var closed = 0
        fileprivate var types: Set<String> = []

        /// The runs that forbid to delete the old branch and to write `deprecatePatch` for `patched`.
        public var forbidsBranchRemoval: [Run] { before + unknown }
        /// The runs that forbid to delete the call altogether.
        public var forbidsCallRemoval: [Run] { before + marked + unknown }

        private enum CodingKeys: CodingKey { case id, calls, before, marked, deprecated, notReached, unknown, closed }

        /// A patch that nobody has come by.
        public init(id: String) { self.id = id }
    }

    /// Every patch that a history or the code names, in order of id.
    public var patches: [Patch] = []
    /// Open runs that were looked at.
    public var open = 0
    /// Open runs of types that there is no code for here: what they need is unknown.
    public var unknownTypes: [Run] = []

    /// One patch; one that nobody has come by is empty, but for the runs of which nothing is known.
    public func patch(_ id: String) -> Patch {
        if let patch = patches.first(where: { $0.id == id }) { return patch }
        var patch = Patch(id: id)
        patch.unknown = unknown
        return patch
    }

    private var unknown: [Run] = []
    private enum CodingKeys: CodingKey { case patches, open, unknownTypes }

    /// Looks at every run of a store, read-only. Throws what the store throws.
    public init(of store: any WorkflowStore, _ replayer: WorkflowReplayer) async throws {
        var found: [String: Patch] = [:]
        var sightings: [Sighting] = []
        for run in try await store.runs(matching: WorkflowFilter(), before: nil, limit: .max).reversed() {
            if run.status.isClosed {
                for id in run.patches { found[id, default: Patch(id: id)].note(closed: run.type) }
            } else {
                let history = WorkflowHistory(events: try await store.history(run.key))
                sightings.append(Sighting(run, history, replayer))
            }
        }
        for sighting in sightings {
            for id in sighting.ids { found[id, default: Patch(id: id)].note(sighting.run.type) }
        }
        for sighting in sightings {
            for id in found.keys { found[id]?.note(sighting) }
        }
        patches = found.values.sorted { $0.id < $1.id }
        open = sightings.count
        unknown = sightings.filter(\.isUnknown).map(\.short)
        unknownTypes = sightings.filter(\.isOfUnknownType).map(\.short)
    }
}

/// What one open run says.
private struct Sighting {
    let run: WorkflowRun
    /// Markers of the history, and whether they are deprecated.
    let markers: [String: Bool]
    /// What the code asks for; nil when it does not fit the history.
    let calls: [String: PatchCall]?
    /// True when it does not fit although there is code for it.
    let isUnknown: Bool
    /// True when there is no code for it.
    let isOfUnknownType: Bool

    init(_ run: WorkflowRun, _ history: WorkflowHistory, _ replayer: WorkflowReplayer) {
        self.run = run
        markers = Dictionary(history.events.compactMap(\.patch).map { ($0.id, $0.deprecated) }, uniquingKeysWith: { $1 })
        do {
            calls = Dictionary(try replayer.patchCalls(in: history).map { ($0.id, $0) }, uniquingKeysWith: { $1 })
            (isUnknown, isOfUnknownType) = (false, false)
        } catch {
            calls = nil
            isOfUnknownType = error is UnknownWorkflowType
            isUnknown = !isOfUnknownType
        }
    }

    var ids: Set<String> { Set(markers.keys).union((calls ?? [:]).keys) }
    var short: PatchReport.Run { PatchReport.Run(workflow: run.workflowID, run: run.runID) }
}

extension PatchReport.Patch {
    fileprivate mutating func note(_ type: String) { types.insert(type) }

    fileprivate mutating func note(closed type: String) {
        types.insert(type)
        closed += 1
    }

    fileprivate mutating func note(_ sighting: Sighting) {
        if let call = sighting.calls?[id] { calls = Set(calls + [call.isDeprecated ? "deprecatePatch" : "patched"]).sorted() }
        switch (sighting.markers[id], sighting.calls) {
        case (true?, _): deprecated.append(sighting.short)
        case (false?, _): marked.append(sighting.short)
        case (nil, nil): if sighting.isUnknown { unknown.append(sighting.short) }
        case (nil, let calls?):
            if calls[id] != nil {
                before.append(sighting.short)
            } else if types.contains(sighting.run.type) {
                notReached.append(sighting.short)
            }
        }
    }
}

extension WorkflowRun {
    /// The patches that its history notes.
    var patches: [String] { searchAttributes[Self.changeVersion]?.array?.compactMap(\.string) ?? [] }
}
