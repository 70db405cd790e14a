public import Events
public import Outcomes

/// A decision about a step that holds for one entity whatever the plan says later.
public enum Pin: String, Codable, Hashable, Sendable, CaseIterable {
    /// A canary has drawn legacy.
    case legacy
    /// A canary has drawn durable, or an operator has moved the entity there.
    case durable
    /// Legacy took the step back in the middle, and keeps it.
    case recalled

    /// Who runs the step.
    public var owner: Owner { self == .durable ? .durable : .legacy }
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
    /// The last step that is complete in the present round; nil while the entity is in the middle of a step.
    ///
    /// A process that goes round comes to the same boundary again. This tells the first time from the next.
    public var passed: StepNumber?
    /// How often each step was completed. The next visit of a step is one more.
    public var completions: [StepNumber: Int]
    /// Decisions that hold for this entity whatever the plan says later: a canary's draw, a recall.
    public var pins: [StepNumber: Pin]

    /// An ownership row.
    public init(
        entity: EntityID, epoch: Int, owner: Owner, step: StepNumber, passed: StepNumber? = nil, completions: [StepNumber: Int] = [:],
        pins: [StepNumber: Pin] = [:]
    ) {
        self.entity = entity
        self.epoch = epoch
        self.owner = owner
        self.step = step
        self.passed = passed
        self.completions = completions
        self.pins = pins
    }

    /// The number of the visit that the entity makes, or will make, to `step`: from 1.
    public func visit(of step: StepNumber) -> Int { (completions[step] ?? 0) + 1 }

    /// The id of the workflow that runs this epoch's segment.
    public var segmentID: String { SegmentID(entity: entity, epoch: epoch).description }
}

extension Ownership {
    /// What a move does to the row.
    package mutating func apply(_ move: Move) {
        switch move {
        case .drawn(let step, let owner): pins[step] = owner == .durable ? .durable : .legacy
        case .imported(_, let completed, let passed):
            for step in completed { completions[step, default: 0] += 1 }
            self.passed = passed
        case .entered(let step, _, _) where owner == .legacy:
            self.step = step
            passed = nil
        case .completed(let step, let visit, _):
            completions[step] = visit
            passed = step
        case .wentOn(let step): self.step = step
        case .handedOff(let steps): change(to: .durable, step: steps.first ?? step)
        case .adopted(let step, _): change(to: .durable, step: step)
        case .handedBack(let step): change(to: .legacy, step: step)
        case .recalled(let step, _), .failed(let step, _):
            pins[step] = .recalled
            change(to: .legacy, step: self.step)
        default: break
        }
    }

    private mutating func change(to owner: Owner, step: StepNumber) {
        epoch += 1
        self.owner = owner
        self.step = step
    }
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

    /// Reads a workflow id; nil when it is not the id of a segment.
    public init?(_ workflowID: String) {
        guard let slash = workflowID.lastIndex(of: "/"), let epoch = Int(workflowID[workflowID.index(after: slash)...]) else { return nil }
        self.init(entity: EntityID(String(workflowID[..<slash])), epoch: epoch)
    }

    /// `ENTITY/EPOCH`.
    public var description: String { "\(entity.rawValue)/\(epoch)" }
}
