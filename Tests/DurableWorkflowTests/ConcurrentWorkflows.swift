import DurableWorkflow
import Events
import Synchronization

/// Workflows that do much at once, each in another way: what they decide, and in which order, must not depend on the build.
enum ConcurrentWorkflows {
    static let workflows = [
        lets, group, race, conditions, updates, parent, child.type, cancelled, locals, patches, rounds, nested,
    ]
    static let activities = [
        ActivityType("echo") { _, input in input },
        ActivityType("flaky") { context, input in
            if context.attempt < 3 { throw ApplicationError(type: "Busy", message: "attempt \(context.attempt)") }
            return input
        },
    ]

    private static let go = Signal<Int>("go")
    private static let add = Update<Int, Int>("add")

    private static let lets = WorkflowType("lets") { context, _ in
        async let first = context.execute("echo", input: 1)
        async let second = context.execute("flaky", input: 2)
        async let nap: Void = context.sleep(for: .seconds(5))
        async let third = context.execute("echo", input: 3)
        let sum = try await [third, second, first].compactMap(\.integer).reduce(0, +)
        try await nap
        return .integer(sum)
    }

    private static let group = WorkflowType("group") { context, _ in
        let order = try await withThrowingTaskGroup(of: Int.self) { group in
            for number in 0..<6 {
                group.addTask {
                    _ = try await context.execute("echo", input: .integer(number))
                    if number.isMultiple(of: 2) { try await context.sleep(for: .seconds(7 - number)) }
                    return try await context.execute("echo", input: .integer(number * 10)).integer ?? 0
                }
            }
            return try await group.reduce(into: [JSONValue]()) { $0.append(.integer($1)) }
        }
        return .array(order)
    }

    /// A timer against a signal, many times over: the input says which signals come.
    private static let race = WorkflowType("race") { context, _ in
        var seen: [JSONValue] = []
        try await withThrowingTaskGroup(of: String.self) { group in
            for name in ["a", "b", "c"] {
                group.addTask {
                    guard let signal = try await context.nextSignal(named: [name], timeout: .seconds(10)) else { return "\(name) late" }
                    _ = try await context.execute("echo", input: signal.payload)
                    return "\(name) \(signal.id)"
                }
            }
            for try await text in group { seen.append(.string(text)) }
        }
        return .array(seen)
    }

    private static let conditions = WorkflowType("conditions") { context, _ in
        let total = Total()
        context.onSignal(go) { total.add($0) }
        async let small = context.condition { total.now >= 1 }
        async let large = context.condition { total.now >= 3 }
        async let never = context.condition(timeout: .seconds(20)) { total.now >= 100 }
        _ = try await small
        _ = try await context.execute("echo", input: "small")
        _ = try await large
        _ = try await context.execute("echo", input: "large")
        return .bool(try await never)
    }

    private final class Total: Sendable {
        private let sum = Mutex(0)
        var now: Int { sum.withLock { $0 } }
        func add(_ number: Int) { sum.withLock { $0 += number } }
    }

    private static let updates = WorkflowType("updates") { context, _ in
        var total = 0
        context.onUpdate(add, validate: { if $0 < 0 { throw ApplicationError(type: "Negative", message: "expected 0 or more") } }) {
            number in
            let echoed = try await context.execute("echo", input: .integer(number))
            total += echoed.integer ?? 0
            return total
        }
        _ = try await context.condition { total >= 6 }
        return .integer(total)
    }

    private static let child = Workflow<Int, Int>("child") { context, number in
        try await context.sleep(for: .seconds(number))
        return try await context.wait(for: go, timeout: .seconds(30)) ?? number
    }

    private static let parent = WorkflowType("parent") { context, _ in
        async let left = context.executeChildWorkflow(child, 3, options: ChildWorkflowOptions(id: "left"))
        async let right = context.executeChildWorkflow(child, 1, options: ChildWorkflowOptions(id: "right"))
        let third = try await context.startChildWorkflow(child, 2, options: ChildWorkflowOptions(id: "third"))
        try await third.signal(go, 40)
        try await context.externalWorkflow("lets").signal(go, 1)
        return .integer(try await left + right + third.result())
    }

    private static let cancelled = WorkflowType("cancelled") { context, _ in
        do {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 1...3 { group.addTask { try await context.sleep(for: .hours(number)) } }
                group.addTask { _ = try await context.nextSignal(named: ["never"], timeout: .days(1)) }
                try await group.waitForAll()
            }
        } catch is CancellationError {
            try await context.withCancellationShield {
                async let first = context.execute("echo", input: "undo 1")
                async let second = context.execute("echo", input: "undo 2")
                _ = try await (first, second)
            }
            throw CancellationError()
        }
        return .null
    }

    private static let locals = WorkflowType("locals") { context, _ in
        async let first = context.executeLocal("echo", input: 1)
        async let second = context.executeLocal("echo", input: 2)
        async let remote = context.execute("echo", input: 3)
        let local = try await (first, second)
        return [local.0, local.1, try await remote]
    }

    private static let patches = WorkflowType("patches") { context, _ in
        async let slow: Void = context.sleep(for: .seconds(2))
        if context.patched("second-way") { _ = try await context.execute("echo", input: "new") }
        try await slow
        context.deprecatePatch("first-way")
        context.upsertSearchAttributes(["step": 2])
        try context.upsertMemo(["note": "patched"])
        return .string("\(context.patched("second-way"))")
    }

    private static let rounds = WorkflowType("rounds") { context, input in
        let round = input.integer ?? 0
        async let nap: Void = context.sleep(for: .seconds(1))
        async let echoed = context.execute("echo", input: .integer(round))
        _ = try await (nap, echoed)
        if round < 3 { throw try context.continueAsNew(JSONValue.integer(round + 1)) }
        return try await context.nextSignal(named: ["kept"], timeout: .zero).map { .string($0.id) } ?? .null
    }

    /// Calls through many functions and an actor of its own: the optimiser changes how many hops that takes.
    private static let nested = WorkflowType("nested") { context, _ in
        let tally = Tally()
        func deep(_ level: Int) async throws {
            await tally.add(level)
            guard level > 0 else { return }
            async let left: Void = deep(level - 1)
            async let right: Void = deep(level - 1)
            _ = try await context.execute("echo", input: .integer(level))
            _ = try await (left, right)
        }
        try await deep(3)
        return .integer(await tally.total)
    }

    private actor Tally {
        private(set) var total = 0
        func add(_ number: Int) { total += number }
    }
}
