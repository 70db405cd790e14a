import DurableWorkflow
import Events
import GRDB
import HybridRouter
import Outcomes
import SQLiteStorage
import ShadowComparator
import Synchronization

/// Calls everything of both stores that runs a statement, and collects the statements.
struct EveryStatement {
    private final class Seen: Sendable {
        let statements = Mutex<Set<String>>([])
    }

    private struct NotEnded: Error, CustomStringConvertible {
        let description: String
    }

    private let seen = Seen()
    private let database: LockstepDatabase
    private let store: SQLiteHandoffStore
    private let workflows: SQLiteWorkflowStore
    private let now = Timestamp(milliseconds: 1_772_442_000_000)

    init(_ database: LockstepDatabase) {
        self.database = database
        store = SQLiteHandoffStore(database)
        workflows = SQLiteWorkflowStore(database)
    }

    /// The statements on rows, with every run of spaces as one.
    func run() async throws -> Set<String> {
        database.observe { [seen] sql, _ in seen.statements.withLock { _ = $0.insert(StatementTexts.plain(sql)) } }
        try await accept()
        try await commit()
        try await effects()
        try await setAside()
        try await writeWorkflows()
        try await readWorkflows()
        try await read()
        try await forget()
        try await compact()
        try await shadow()
        try lookAtTheSchema()
        return seen.statements.withLock { $0 }.filter { sql in ["SELECT", "INSERT", "UPDATE", "DELETE"].contains { sql.hasPrefix($0) } }
    }

    // MARK: Ownership, inbox, outbox

    private func event(_ id: String, _ reference: EntityReference = .entity("R-1"), subject: String? = nil) -> Arrival {
        .event(
            IncomingEvent(
                id: EventID(id), source: "tcr", reference: reference, kind: "x", subject: subject, answers: ["a.b"], receivedAt: now),
            birth: nil)
    }

    private func birth(_ entity: EntityID) -> Arrival {
        .event(
            IncomingEvent(
                id: EventID("birth-\(entity)"), source: "tcr", reference: .entity(entity), kind: "x", receivedAt: now),
            birth: Birth(step: "1", state: "DRAFT", body: RecordBody(text: "{}")))
    }

    /// What is new, what comes twice, what repeats the last word, what comes too early and what nobody reads.
    private func accept() async throws {
        let letter = DeadLetter(id: "l", source: "tcr", reason: .unmapped, detail: "R-2", type: "T", body: "{}", receivedAt: now)
        for arrivals in [
            [birth("R-1"), birth("R-2"), event("a"), event("a"), event("b", subject: "s"), event("c", subject: "s")],
            [event("early", .external(["B-1"])), event("first", .entity("R-3")), birth("R-3"), event("first", .entity("R-3"))],
            [.deadLetter(letter)],
        ] { _ = try await store.accept(arrivals, at: now) }
    }

    private func commit() async throws {
        var transaction = EntityTransaction(entity: "R-1", epoch: 1, at: now)
        transaction.record = try await store.snapshot(of: "R-1")?.record
        transaction.references = ["B-1"]
        transaction.effects = [entry("a.b", of: "R-1")]
        transaction.reads = [
            RecordedRead(entity: "R-1", operation: "a.c", request: [:], reply: [:], owner: .legacy, epoch: 1, at: now)
        ]
        transaction.unlessHalted = true
        let rows = try await store.rows(of: "R-1").map { RowReference($0.sequence, "x") }
        transaction.moves = [.retried(rows[0], attempt: 2, at: now, reason: "x"), .handedOff(["5.2"]), .signalled(rows[1])]
        let committed = try await store.commit(transaction)
        let back: [Move] = [.completed("5.2", visit: 1, used: [rows[1].sequence]), .handedBack(to: "6")]
        _ = try await store.commit(EntityTransaction(entity: "R-1", epoch: 2, at: now, moves: back))
        for message in committed.outbox { try await store.markDone(message) }
    }

    private func entry(_ operation: String, of entity: EntityID) -> LedgerEntry {
        LedgerEntry(
            key: EffectKey(entity: entity, step: "1", operation: operation), request: [:], reply: [:], owner: .legacy, epoch: 1,
            attempt: 1, at: now)
    }

    private func effects() async throws {
        let entry = entry("c.d", of: "R-2")
        _ = try await store.intend(
            EffectCall(key: entry.key, request: [:], owner: .legacy, epoch: 1, attempt: 1, at: now))
        _ = try await store.intention(entry.key)
        _ = try await store.intentions()
        try await store.withdraw(entry.key)
        try await store.keep([entry])
        _ = try await store.reply(to: entry.key)
        _ = try await store.ledger(of: "R-2")
        _ = try await store.reads(of: "R-1")
    }

    private func setAside() async throws {
        try await store.quarantine(Quarantined(.event, key: "1", entity: "R-1", reason: "expected sense, found none", since: now))
        _ = try await store.quarantined()
        _ = try await store.release("R-1")
    }

    private func read() async throws {
        _ = try await store.row(1)
        _ = try await store.pendingRows()
        _ = try await store.pendingOutbox()
        _ = try await store.durableOwnerships(after: nil, limit: 1)
        _ = try await store.entities()
        _ = try await store.journal(of: "R-1")
        _ = try await store.counters()
        _ = try await store.deadLetters()
        _ = try store.letters(limit: 1)
        _ = try await store.due(at: now)
        _ = try await store.nextDue()
        try await store.set("world/1", to: "R-2 1")
        _ = try await store.value("world/1")
        _ = try await store.values(prefix: "world/")
        try await store.replayAccepted { _ in }
        _ = try store.census()
        _ = try store.unreadTypes()
        _ = try store.durableEntities(in: "5.2")
        _ = try store.unfinishedWithLegacy()
        try await store.flush()
        _ = try await store.takeForeignChange()
    }

    /// R-2 has ended.
    private func forget() async throws {
        var end = EntityTransaction(entity: "R-2", epoch: 1, at: now)
        end.moves = try await store.rows(of: "R-2").map { .seen(RowReference($0.sequence, "x")) }
        end.record = try await store.snapshot(of: "R-2")?.record
        end.record?.isFinal = true
        _ = try await store.commit(end)
        let obstacle = try store.obstacle(toForgetting: "R-2")
        if let obstacle { throw NotEnded(description: obstacle) }
        _ = try store.forget("R-2") { $0 }
        _ = try store.emptyLetters()
    }

    private func compact() async throws {
        _ = try await store.compact(before: now + .seconds(1))
        _ = try await store.compactedDeliveries(of: "R-2")
    }

    // MARK: Shadows

    private func shadow() async throws {
        let book = SQLiteShadowBook(database, mostWaiting: 0)
        let visit = ShadowVisit(entity: "R-1", step: "1", number: 1)
        var (first, last) = (
            ShadowNote(visit: visit, at: now, from: 1, to: 1, state: "A"), ShadowNote(visit: visit, at: now, from: 2, to: 3, state: "B")
        )
        first.beginning = ShadowNote.Beginning(state: nil, createdAt: now, completions: [:])
        last.isLast = true
        try await book.add([first, ShadowNote(visit: visit, at: now, from: 1, to: 2, state: "A"), last])
        _ = try await book.next()
        _ = try await book.notes(of: visit)
        try await book.add(ShadowResult(visit: visit, at: now, path: last.path, verdict: .mismatched))
        var judged = ShadowResult(visit: visit, at: now, path: last.path, verdict: .matched)
        judged.judged = JudgedVisit(id: "j", step: "1", version: "v", path: last.path, way: "w", isMismatch: false)
        try await book.add(judged)
        _ = try await book.judged()
        _ = try await book.counts()
        try await book.seal()
        _ = try await book.results(limit: 1)
        try await book.forget("R-1")
    }

    // MARK: Workflows

    private func change(_ key: Int64, _ workflow: String, closed: Bool) -> RunChange {
        var run = WorkflowRun(key: key, workflowID: workflow, runID: "r-\(key)", type: "t", taskQueue: "q", startedAt: now)
        if closed { (run.status, run.closedAt) = (.completed, now) }
        return RunChange(run: run, batch: closed ? [0] : nil, first: 1)
    }

    private func writeWorkflows() async throws {
        let item = DueItem(key: DueItem.Key(at: now, run: 1, event: 1, kind: .task), workflowID: "w")
        var change = WorkflowChange()
        change.runs = [self.change(1, "w", closed: false), self.change(2, "old", closed: true), self.change(3, "R-2/2", closed: true)]
        change.due = [item]
        change.schedules = [ScheduleRecord(id: "s", number: 4, schedule: Schedule(interval: .seconds(60), workflowType: "t"))]
        change.requests = [TakenRequest(scope: "start/w", id: "x", run: 1)]
        var next = WorkflowChange()
        next.runs = [RunChange(run: change.runs[0].run, batch: nil, first: 2)]
        next.done = [item.key]
        next.quarantined = [QuarantinedItem(item: item, problem: "expected sense, found none", at: now)]
        var last = WorkflowChange()
        last.released = [item.key]
        last.due = [item]
        try await workflows.commit([change, next, last])
    }

    private func readWorkflows() async throws {
        try database.write {
            try $0.execute(
                sql: "INSERT INTO workflow_due (at, run, event, kind, workflow, queue, body) VALUES (1, 1, 2, 'task', 'w', 'q', 'x')")
        }
        _ = try await workflows.due(after: nil, until: now, limit: 10)
        _ = try await workflows.nextDue(after: nil)
        _ = try await workflows.run("w", runID: nil)
        _ = try await workflows.runs(of: "w")
        _ = try await workflows.history(1)
        _ = try await workflows.highestKey()
        _ = try await workflows.runs(matching: WorkflowFilter(), before: nil, limit: 10)
        _ = try await workflows.count(matching: WorkflowFilter())
        _ = try await workflows.count(matching: WorkflowFilter(type: "t"))
        _ = try await workflows.schedules()
        _ = try await workflows.schedule("s")
        _ = try await workflows.taker(of: "x", in: "start/w")
        _ = try await workflows.quarantined()
        var change = WorkflowChange()
        change.deletedSchedules = ["s"]
        try await workflows.commit([change])
        _ = try await workflows.remove(closedBefore: now + .seconds(1), limit: 1)
    }

    // MARK: The schema

    private func lookAtTheSchema() throws {
        _ = try database.columns()
        _ = try database.rowCounts(of: ["inbox"])
        _ = try database.schemaText()
        try database.pretendMigration("v999_future")
    }
}
