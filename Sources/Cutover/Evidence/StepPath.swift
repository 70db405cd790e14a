public import Events
public import HybridRouter
public import Outcomes

/// The way of one entity through a step that durable ran.
public struct StepPath: Hashable, Sendable {
    /// The class: the kind of the event that ended the step, `interrupted by` it, `failed`, or `time` when no event was used.
    public var ending: String
    /// All events that the step was told of, in order, as a name.
    public var path: String

    /// The ways through all steps that durable has ended, by step; of several visits the last one.
    public static func all(of journal: [JournalEntry]) -> [StepNumber: StepPath] {
        var paths: [StepNumber: StepPath] = [:]
        var told: [String] = []
        for entry in journal {
            switch entry.move {
            case .handedOff, .adopted, .wentOn: told = []
            case .signalled(let row): told.append(row.kind.rawValue)
            case .completed(let step, _, _) where entry.owner == .durable:
                paths[step] = StepPath(ending: told.last ?? "time", told)
                told = []
            case .interrupted(let step, let event, _): paths[step] = StepPath(ending: "interrupted by \(event.rawValue)", told)
            case .failed(let step, _): paths[step] = StepPath(ending: "failed", told)
            case .recalled(let step, _): paths[step] = nil
            default: break
            }
        }
        return paths
    }

    private init(ending: String, _ told: [String]) {
        self.ending = ending
        path = StableHash.hexadecimal((told + [ending]).joined(separator: " "))
    }
}

extension EvidenceCase {
    /// A case from what is known of an entity that was compared; nil when durable has ended no step of it.
    public init?(entity: EntityID, deliveries: [EventID], journal: [JournalEntry], isMismatch: Bool) {
        let paths = StepPath.all(of: journal)
        guard !paths.isEmpty else { return nil }
        self.init(
            id: StableHash.hexadecimal(([entity.rawValue] + deliveries.map(\.rawValue)).joined(separator: "\u{1F}")),
            steps: paths.mapValues(\.ending), paths: paths.mapValues(\.path), isMismatch: isMismatch)
    }
}
