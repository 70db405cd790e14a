import Events

// What Temporal's tools want of a history beyond what this engine needs to replay it.

extension WorkflowHistory {
    /// The events as they are written for others.
    var exported: [HistoryEvent] {
        var timers: [Int: String] = [:]
        // This engine names no worker in its tasks; a history that another has recorded says itself what its SDK compares.
        var hasFlags = events.contains {
            $0.kind == .workflowTaskCompleted && ($0.fields.text(.more).contains("sdkMetadata") || !$0.fields.text(.identity).isEmpty)
        }
        return events.map { event in
            var event = event
            switch event.kind {
            case .timerStarted: timers[event.id] = event.fields.text(.timerID)
            case .timerFired:
                if event.fields.text(.timerID).isEmpty, let id = timers[event.fields.integer(.startedEventID) ?? 0] {
                    event.fields[.timerID] = .text(id)
                }
            case .workflowTaskCompleted where !hasFlags:
                hasFlags = true
                if event.fields.text(.more).isEmpty { event.fields[.more] = .text(metadata.canonicalText) }
            default: break
            }
            return event
        }
    }

    /// With these flags the official SDKs compare types and ids of activities, and want terminal commands last; the second one wants an
    /// upsert after every patch, which older builds have not written.
    private var metadata: JSONValue {
        let flags = isEveryPatchUpserted ? [1, 2, 3] : [1, 3]
        return [
            "workflowTaskCompletedEventAttributes": [
                "sdkMetadata": ["coreUsedFlags": .array(flags.map { .integer($0) }), "sdkName": .string(Self.sdkName)]
            ]
        ]
    }

    fileprivate static let sdkName = "lockstep"

    private var isEveryPatchUpserted: Bool {
        events.indices.allSatisfy { index in
            guard events[index].patch != nil else { return true }
            let next = events.dropFirst(index + 1).first
            return next?.fields.map(.searchAttributes)[WorkflowRun.changeVersion] != nil
        }
    }
}

extension JSONValue {
    /// An event as it was before it was exported: the metadata is written anew.
    var withoutOwnMetadata: JSONValue {
        let name = "workflowTaskCompletedEventAttributes"
        guard var attributes = self[name], attributes["sdkMetadata"]?["sdkName"]?.string == WorkflowHistory.sdkName else { return self }
        attributes["sdkMetadata"] = nil
        var event = self
        event[name] = attributes
        return event
    }

    /// What this has and `other` has not, or has otherwise; nil when nothing. Names that have two spellings are left to `other`.
    func without(_ other: JSONValue) -> JSONValue? {
        guard case .object(let members) = self, case .object(let others) = other else { return self == other ? nil : self }
        var rest: [String: JSONValue] = [:]
        for (name, value) in members where name != "eventId" && name != "eventType" {
            if let known = others[name] { rest[name] = value.without(known) } else { rest[name] = value }
        }
        return rest.isEmpty ? nil : .object(rest)
    }

    /// This with the members of `other`, which are the last word.
    func merging(_ other: JSONValue) -> JSONValue {
        guard case .object(var members) = self, case .object(let others) = other else { return other }
        for (name, value) in others { members[name] = members[name]?.merging(value) ?? value }
        return .object(members)
    }
}
