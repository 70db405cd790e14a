public import Events
public import Outcomes

/// What a segment is started with.
public struct SegmentInput: Codable, Sendable {
    /// The entity.
    public var entity: EntityID
    /// The epoch in which the segment has it.
    public var epoch: Int
    /// The steps to run, in order.
    public var steps: [StepNumber]
    /// The record as it is at the start.
    public var record: JSONValue
    /// Where and when the first step begins.
    public var entry: StepEntry
    /// True when the steps answer what belongs to no step (cancel, override) themselves; nil for no. A segment keeps what it began with.
    public var answers: Bool?
    /// True when wait points and ends of steps are made true inside the workflow task, as local activities: a third of the events. Nil in a
    /// segment that an earlier build has begun, where each is an activity. A run keeps what it began with.
    public var isLocal: Bool?

    /// An input.
    public init(
        entity: EntityID, epoch: Int, steps: [StepNumber], record: JSONValue, entry: StepEntry, answers: Bool? = nil, isLocal: Bool? = true
    ) {
        self.entity = entity
        self.epoch = epoch
        self.steps = steps
        self.record = record
        self.entry = entry
        self.answers = answers
        self.isLocal = isLocal
    }

    /// What goes on in a new run, with `step`.
    fileprivate func continued(with step: StepNumber, _ entry: StepEntry, _ record: JSONValue) -> SegmentInput {
        var further = self
        further.isLocal = true
        further.steps = [step] + steps.filter { $0 > step }
        further.record = record
        further.entry = entry
        return further
    }
}

/// Where a segment stands, for operators: `lockstep workflow query … progress`. No personal data.
public struct SegmentProgress: Codable, Sendable {
    /// The query's name and type.
    public static let query = Query<Nothing, SegmentProgress>("progress")

    /// The entity.
    public var entity: EntityID
    /// The epoch in which the segment has it.
    public var epoch: Int
    /// The step that runs.
    public var step: StepNumber?
    /// When the step was entered.
    public var enteredAt: Timestamp
    /// The ids of the signals used so far.
    public var signalsUsed: [String]
}

/// The workflow of every segment: its steps in order, each made true by the runtime before the next begins.
public struct SegmentWorkflow<Record: Codable & Sendable>: Sendable {
    /// The workflow's type.
    public static var type: String { "segment" }
    /// The name of the activity that makes the end of a step true.
    public static var endActivity: String { "lockstep.endStep" }
    /// After so many events, a segment goes on in a new run, with the next step or in a wait that says so. Who waits for days is not in
    /// memory: what wakes it is shown all that its run has heard before.
    public static var eventsOfARun: Int { 50 }

    private let steps: [StepNumber: DurableStep<Record>]
    private let interrupts: Set<EventKind>

    /// The workflow of `steps`; events in `interrupts` end any wait.
    public init(_ steps: [StepNumber: DurableStep<Record>], interrupts: Set<EventKind>) {
        self.steps = steps
        self.interrupts = interrupts
    }

    /// As the engine takes it.
    public var workflow: WorkflowType {
        let (steps, interrupts) = (steps, interrupts)
        return WorkflowType(Self.type) { workflow, input in
            let input = try input.decoded(as: SegmentInput.self)
            var record = try input.record.decoded(as: Record.self)
            var entry = input.entry
            let isLocal = input.isLocal ?? false
            var current = input.steps.first
            workflow.onQuery(SegmentProgress.query) { _ in
                SegmentProgress(
                    entity: input.entity, epoch: input.epoch, step: current, enteredAt: entry.enteredAt, signalsUsed: workflow.signalsUsed)
            }
            var next = current
            var untold: (StepEnd, Record)?
            while let number = next {
                current = number
                let context = StepContext<Record>(
                    workflow: workflow, entry: entry, interrupts: interrupts, answers: input.answers ?? false,
                    isLocal: isLocal, after: untold)
                var end: StepEnd
                do { end = try await Self.run(steps[number], number, context, &record) } catch let wait as StepContinuation {
                    try await context.leave(wait.state, record)
                    entry = entry.beginning(with: wait)
                    throw try workflow.continueAsNew(input.continued(with: number, entry, try JSONValue(encoding: record)))
                }
                end.next = input.steps.first { $0 > number }
                end.answers = input.answers
                end.after = context.after.map { [$0] }
                let answer = try await context.makeTrue(Self.endActivity) {
                    end.record = try JSONValue(encoding: record)
                    return end
                }
                let successor = Self.successor(answer, planned: end.next)
                next = successor?.step
                (end.next, end.record) = (next, .null)
                untold = successor?.isTold == false ? (end, record) : nil
                entry = StepEntry(createdAt: entry.createdAt, enteredAt: workflow.now, heardAt: workflow.now)
                if let next, untold == nil, isLocal, context.isHistoryLong {
                    throw try workflow.continueAsNew(input.continued(with: next, entry, try JSONValue(encoding: record)))
                }
            }
            return .null
        }
    }

    /// What the activity that ends a step has answered. An older build's answer is the step alone, or only whether it goes on as planned.
    private static func successor(_ answer: JSONValue, planned: StepNumber?) -> StepSuccessor? {
        if let step = answer.string.flatMap({ StepNumber($0) }) { return StepSuccessor(step) }
        return try? answer.bool == true ? planned.map { StepSuccessor($0) } : answer.decoded(as: StepSuccessor.self)
    }

    /// Runs one step's code; whatever it throws is how the step ended, and gives the entity back to legacy. A cancelled segment ends
    /// without a word: who cancelled it has taken the entity back, or the reconciler will.
    private static func run(
        _ step: DurableStep<Record>?, _ number: StepNumber, _ context: StepContext<Record>, _ record: inout Record
    ) async throws -> StepEnd {
        var end = StepEnd(step: number, how: .completed, state: nil, used: [], next: nil, record: .null)
        var interruption: String?
        do {
            guard let step else { throw MissingStep(number: number) }
            end.state = try await step.run(context, &record)
        } catch let error as StepInterruption {
            end.how = .interrupted(by: error.event.kind)
            interruption = error.signal
        } catch let error as StepMove {
            (end.how, end.state) = (.moved(by: error.kind), error.state)
        } catch let error as CancellationError {
            throw error
        } catch let error as StepContinuation {
            throw error
        } catch {
            end.how = .failed(reason: "\(error)")
        }
        end.used = context.used.filter { $0 != interruption }
        end.checkedAt = context.checkedAt
        return end
    }

    /// All activities: the steps' own, the wait points and the end of a step, as `runtime` does them.
    public func activities(_ runtime: some StepRuntime<Record>) -> [ActivityType] {
        let own = steps.values.flatMap(\.activities).map { activity in
            ActivityType(activity.name) { context, input in try await runtime.perform(activity, on: input, context) }
        }
        let end = ActivityType(Self.endActivity) { context, input in
            guard let next = try await runtime.end(try input.decoded(as: StepEnd.self), context) else { return .bool(false) }
            return next.isTold ? .string(next.step.description) : try JSONValue(encoding: next)
        }
        let enter = ActivityType(StepPosition.activity) { context, input in
            let position = try input.decoded(as: StepPosition.self)
            try await runtime.enter(position, context)
            return .string(position.state)
        }
        let refuse = ActivityType(StepRefusal.activity) { context, input in
            try await runtime.refuse(try input.decoded(as: StepRefusal.self), context)
            return .null
        }
        return own + [enter, refuse, end]
    }
}

extension HistoryEvent {
    /// What a marker is about, for people: a patch's id or a local activity's name; of a segment also the state that it has entered, or the
    /// step with which it goes on. No personal data. Nil for other events.
    package var markerSummary: String? {
        if let patch { return patch.id }
        guard let local = LocalResolution(self) else { return nil }
        guard local.name.hasPrefix("lockstep."), let text = (try? local.result?.json())?.string else { return local.name }
        return "\(local.name) \(text)"
    }
}

/// A segment was to run a step for which there is no code.
private struct MissingStep: Error, CustomStringConvertible {
    let number: StepNumber
    var description: String { "step \(number): expected durable code for it, found none" }
}
