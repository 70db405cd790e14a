public import Events

/// The number of a step, ordered like section numbers: 5 < 5.2 < 5.10 < 6.
public struct StepNumber: Hashable, Sendable, Codable, Comparable, CustomStringConvertible, ExpressibleByStringLiteral {
    /// The parts between the dots.
    public let parts: [Int]

    /// Reads `5` or `5.2`; nil when a part is not a whole number.
    public init?(_ text: String) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false).map { Int($0) }
        guard !parts.isEmpty, !parts.contains(nil) else { return nil }
        self.parts = parts.compactMap { $0 }
    }

    /// A literal in source code; anything but digits and dots reads as step 0, which no plan has.
    public init(stringLiteral value: String) { self = StepNumber(value) ?? StepNumber(parts: [0]) }

    private init(parts: [Int]) { self.parts = parts }

    /// The numbers joined by dots.
    public var description: String { parts.map(String.init).joined(separator: ".") }

    /// Section order.
    public static func < (left: StepNumber, right: StepNumber) -> Bool { left.parts.lexicographicallyPrecedes(right.parts) }

    /// Reads the text form.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let value = StepNumber(text) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "expected a step number like 5.2, found \"\(text)\"")
        }
        self = value
    }

    /// Writes the text form.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}

/// Who runs a step for an entity.
public enum Owner: String, Codable, Hashable, Sendable, CaseIterable {
    /// The event-driven state machine.
    case legacy
    /// A durable workflow.
    case durable
}

/// The one row that says who may write an entity's business data.
public struct Ownership: Codable, Hashable, Sendable {
    /// The entity.
    public var entity: EntityID
    /// The fencing token: grows by one at every change of hands.
    public var epoch: Int
    /// Who owns the entity now.
    public var owner: Owner
    /// The step the entity is in.
    public var step: StepNumber
    /// The durable steps that were completed for it, in order.
    public var completed: [StepNumber]
    /// Decisions that hold for this entity whatever the plan says later: a canary's draw, a recall.
    public var pins: [StepNumber: Owner]

    /// An ownership row.
    public init(
        entity: EntityID, epoch: Int, owner: Owner, step: StepNumber, completed: [StepNumber] = [], pins: [StepNumber: Owner] = [:]
    ) {
        self.entity = entity
        self.epoch = epoch
        self.owner = owner
        self.step = step
        self.completed = completed
        self.pins = pins
    }

    /// The id of the workflow that runs this epoch's segment.
    public var segmentID: String { SegmentID(entity: entity, epoch: epoch).description }
}

/// The workflow id of a segment, `ENTITY/EPOCH`: one segment for one epoch of an entity.
public struct SegmentID: Hashable, Sendable, LosslessStringConvertible {
    /// The entity.
    public var entity: EntityID
    /// The epoch in which the segment has it.
    public var epoch: Int

    /// The id of an entity's segment in an epoch.
    public init(entity: EntityID, epoch: Int) {
        self.entity = entity
        self.epoch = epoch
    }

    /// Reads a workflow id; nil when it is none of a segment.
    public init?(_ workflowID: String) {
        guard let slash = workflowID.lastIndex(of: "/"), let epoch = Int(workflowID[workflowID.index(after: slash)...]) else { return nil }
        self.init(entity: EntityID(String(workflowID[..<slash])), epoch: epoch)
    }

    /// `ENTITY/EPOCH`.
    public var description: String { "\(entity.rawValue)/\(epoch)" }
}
