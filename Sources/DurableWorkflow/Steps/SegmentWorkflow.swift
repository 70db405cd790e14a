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

    /// An input.
    public init(entity: EntityID, epoch: Int, steps: [StepNumber], record: JSONValue, entry: StepEntry, answers: Bool? = nil) {
        self.entity = entity
        self.epoch = epoch
        self.steps = steps
        self.record = record
        self.entry = entry
        self.answers = answers
    }

    /// What goes on in a new run, in the wait to which `step` has come.
    fileprivate func continued(_ wait: StepContinuation, in step: StepNumber, _ entry: StepEntry, _ record: JSONValue) -> SegmentInput {
        var further = self
        further.steps = [step] + steps.filter { $0 > step }
        further.record = record
        further.entry = entry
        (further.entry.state, further.entry.heardAt) = (wait.state, wait.heardAt)
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
            var current = input.steps.first
            workflow.onQuery(SegmentProgress.query) { _ in
                SegmentProgress(
                    entity: input.entity, epoch: input.epoch, step: current, enteredAt: entry.enteredAt, signalsUsed: workflow.signalsUsed)
            }
            var next = current
            while let number = next {
                current = number
                let context = StepContext<Record>(
                    workflow: workflow, entry: entry, interrupts: interrupts, answers: input.answers ?? false)
                var end: StepEnd
                do { end = try await Self.run(steps[number], number, context, &record) } catch let error as StepContinuation {
                    let further = input.continued(error, in: number, entry, try JSONValue(encoding: record))
                    throw try workflow.continueAsNew(further)
                }
                end.next = input.steps.first { $0 > number }
                end.answers = input.answers
                end.record = try workflow.json(record)
                let answer = try await workflow.execute(Self.endActivity, input: try workflow.json(end))
                // An older build's answer is only whether it goes on.
                next = answer.string.flatMap { StepNumber($0) } ?? (answer.bool == true ? end.next : nil)
                entry = StepEntry(createdAt: entry.createdAt, enteredAt: workflow.now, heardAt: workflow.now)
            }
            return .null
        }
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
        end.used = context.workflow.signalsUsed.filter { $0 != interruption }
        return end
    }

    /// All activities: the steps' own, the wait points and the end of a step, as `runtime` does them.
    public func activities(_ runtime: some StepRuntime<Record>) -> [ActivityType] {
        let own = steps.values.flatMap(\.activities).map { activity in
            ActivityType(activity.name) { context, input in try await runtime.perform(activity, on: input, context) }
        }
        let end = ActivityType(Self.endActivity) { context, input in
            let next = try await runtime.end(try input.decoded(as: StepEnd.self), context)
            return next.map { .string($0.description) } ?? .bool(false)
        }
        let enter = ActivityType(StepPosition.activity) { context, input in
            try await runtime.enter(try input.decoded(as: StepPosition.self), context)
            return .null
        }
        let refuse = ActivityType(StepRefusal.activity) { context, input in
            try await runtime.refuse(try input.decoded(as: StepRefusal.self), context)
            return .null
        }
        return own + [enter, refuse, end]
    }
}

/// A segment was to run a step for which there is no code.
private struct MissingStep: Error, CustomStringConvertible {
    let number: StepNumber
    var description: String { "step \(number): expected durable code for it, found none" }
}
