import Bridge
import Cutover
import Events
import HybridRouter
import LegacyStateMachine
import SQLiteStorage

/// What a database is the result of: a machine, a mode, plans and inputs. They are kept in it, so that nothing is ever shown under
/// another name.
struct DatabaseIdentity {
    let machine: String
    let mode: RunMode
    /// The plan as it is run.
    let plan: MigrationPlan

    private static let machineSetting = "machine"
    private static let modeSetting = "mode"
    private static let planDigestSetting = "plan.digest"
    private static let inputSetting = "input"
    private static let historyPrefix = "plan/"
    private static let endPrefix = "ended/"

    /// Names what the plan says. To legacy alone it is all the same what the plan is called.
    var planDigest: String {
        guard mode == .legacy else { return plan.digest }
        return MigrationPlan(name: "", version: 1, steps: plan.steps, interrupts: plan.interrupts).digest
    }

    /// Refuses a database that is somebody else's.
    func check(_ store: some HandoffStore, path: String, input: String?, _ planChange: PlanChange) async throws {
        if let found = try await Self.machine(of: store), found != machine {
            throw refusal(path, "a database of the machine \(machine)", "one of \(found)", "pass another --database")
        }
        if let found = try await Self.mode(of: store), found != mode {
            throw refusal(
                path, "a database of mode \(mode.rawValue)", "one of mode \(found.rawValue)",
                "pass --mode \(found.rawValue) or another --database")
        }
        try await checkPlan(store, path, input, planChange)
        guard planChange == .refused, let input, let found = try await store.value(Self.inputSetting), found != input else { return }
        throw refusal(path, "a comparison of these deliveries", "one of others", "pass those, or another --database")
    }

    /// Refuses to move registrations of another machine, or to the durable side of a database that legacy runs alone.
    func checkMove(in store: some HandoffStore, path: String, toDurable: Bool) async throws {
        try await Self.checkMachine(machine, of: store, path: path)
        guard toDurable, try await Self.mode(of: store) == .legacy else { return }
        throw refusal(path, "a database of mode hybrid", "one of mode legacy", "run it in mode hybrid on another --database")
    }

    /// Refuses a database of another machine, whose records this build cannot read.
    static func checkMachine(_ machine: String, of store: some HandoffStore, path: String) async throws {
        guard let found = try await Self.machine(of: store), found != machine else { return }
        throw CommandFailure(
            .usage, "\(path): expected a database of the machine \(machine), found one of \(found); use the build that has it")
    }

    private func checkPlan(_ store: some HandoffStore, _ path: String, _ input: String?, _ planChange: PlanChange) async throws {
        guard let digest = try await store.value(Self.planDigestSetting), digest != planDigest else { return }
        let last = try await store.value(MigrateStatus.lastPlan) ?? "another plan"
        let found = last == plan.title ? "\(last) with other content" : last
        if planChange == .refused {
            throw refusal(path, "a comparison with plan \(plan.title)", "one with \(found)", "pass that plan, or another --database")
        }
        guard let input, try await store.value(Self.endPrefix + input) != nil else { return }
        throw refusal(
            path, "deliveries that plan \(plan.title) may play", "that all of them were played with \(found)",
            "pass that plan, or another --database")
    }

    private func refusal(_ path: String, _ expected: String, _ found: String, _ remedy: String) -> CommandFailure {
        CommandFailure(.usage, "\(path): expected \(expected), found \(found); \(remedy)")
    }

    /// Writes down what runs now.
    func note(in store: some HandoffStore, input: String?) async throws {
        let known = try await store.value(Self.planDigestSetting)
        if known != planDigest {
            let number = try await store.values(prefix: Self.historyPrefix).count + 1
            let since = try await store.clock()?.description ?? "the beginning"
            try await store.set("\(Self.historyPrefix)\(String(1_000_000 + number).dropFirst())", to: "\(plan.title) since \(since)")
            try await store.set(Self.planDigestSetting, to: planDigest)
            try await store.set(MigrateStatus.lastPlan, to: plan.title)
        }
        let settings = [(Self.inputSetting, input), (Self.modeSetting, mode.rawValue), (Self.machineSetting, machine)]
        for (name, value) in settings where value != nil { try await Self.set(name, to: value, in: store) }
        try await store.flush()
    }

    private static func set(_ name: String, to value: String?, in store: some HandoffStore) async throws {
        guard try await store.value(name) != value else { return }
        try await store.set(name, to: value)
    }

    /// Writes down that the input of this digest was played until nothing was left to do.
    static func noteEnd(of input: String, plan: DatabaseIdentity, in store: some HandoffStore) async throws {
        guard try await store.value(endPrefix + input) == nil else { return }
        try await store.set(endPrefix + input, to: plan.planDigest)
        try await store.flush()
    }

    /// The machine of the database; nil for one that was never run.
    static func machine(of store: some HandoffStore) async throws -> String? { try await store.value(machineSetting) }

    /// The plans that the database was run with, oldest first.
    static func plans(of store: some HandoffStore) async throws -> [String] {
        try await store.values(prefix: historyPrefix).sorted { $0.key < $1.key }.map(\.value)
    }

    /// The mode of the database; one that an older build wrote has it in its plan's name. Nil for one that was never run.
    static func mode(of store: some HandoffStore) async throws -> RunMode? {
        if let mode = try await store.value(modeSetting).flatMap({ RunMode(rawValue: $0) }) { return mode }
        return try await store.value(MigrateStatus.lastPlan).map { $0.contains(", legacy alone version ") ? .legacy : .hybrid }
    }
}

extension AppRun {
    /// What this run makes of a database.
    var identity: DatabaseIdentity { DatabaseIdentity(machine: bridge.domain.machine.name, mode: options.mode, plan: bridge.plan) }

    /// Refuses to go without legacy while legacy has somebody.
    private func requireNothingLegacys() throws {
        guard bridge.plan.isWithoutLegacy else { return }
        let (count, first) = try notes.unfinishedWithLegacy()
        guard let first else { return }
        throw CommandFailure(
            .usage,
            "\(options.database): expected no \(Program.noun) with legacy under plan \(bridge.plan.title), which has retired it, found"
                + " \(count), \(first) for example; run it with these steps on stage durable until they have come to one, or"
                + " '\(Program.name) migrate adopt' them")
    }

    /// Refuses a database, or an effects log, that is somebody else's; then makes the database know whose it is. `input` is the digest of
    /// what is played; nil for a stream, of which nobody knows the end.
    func claim(input: String?) async throws {
        try await identity.check(notes, path: options.database, input: input, options.planChange)
        try requireNothingLegacys()
        let plan = try await notes.value(MigrateStatus.lastPlan)
        let isFresh = plan == nil ? try await notes.entities().isEmpty : false
        try await effectsLog?.check(against: notes, isFresh: isFresh)
        try await effectsLog?.take(for: notes)
        try await shadow?.claim(for: notes)
        try await identity.note(in: notes, input: input)
    }
}
