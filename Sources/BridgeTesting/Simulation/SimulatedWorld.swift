public import Events
import HeapModule
public import Outcomes

/// The outside of a simulated run: it answers effects, and comes up with deliveries.
public protocol SimulatedWorld: EffectPort {
    /// The lines that have come up since the last call: of the opening, and in reaction to effects.
    func takeLines() -> [TraceLine]
    /// Something happens out there, whether or not it is delivered.
    func happen(_ line: TraceLine) throws
    /// The effects performed with effect on behalf of `entity`, in order; the same key twice is an effect done twice.
    func performed(for entity: EntityID) -> [EffectKey]
    /// What a person finds out who asks by other ways whether an effect was performed: its reply; nil when it was not.
    func answer(_ key: EffectKey) -> JSONValue?
}

/// Lines in order of time: when they happen, and when they are delivered.
struct LineQueue {
    private struct Place: Comparable {
        let at: Timestamp
        let order: Int
        let line: TraceLine
        static func < (left: Place, right: Place) -> Bool { (left.at, left.order) < (right.at, right.order) }
        static func == (left: Place, right: Place) -> Bool { left.order == right.order }
    }

    private var places = Heap<Place>()
    private var added = 0

    mutating func add(_ line: TraceLine, at moment: Timestamp) {
        places.insert(Place(at: moment, order: added, line: line))
        added += 1
    }

    var next: Timestamp? { places.min?.at }

    mutating func take(until moment: Timestamp) -> TraceLine? {
        guard let first = places.min, first.at <= moment else { return nil }
        return places.removeMin().line
    }
}
