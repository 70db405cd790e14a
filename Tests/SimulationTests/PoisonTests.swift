import Commands
import Events
import Foundation
import GRDB
import HybridRouter
import Outcomes
import SQLiteStorage
import Testing

/// One bad thing stops one thing: rows are damaged while nobody runs, and the run goes on.
@Suite struct PoisonTests {
    /// A way to damage what is stored of one registration.
    enum Poison: String, CaseIterable {
        case unknownState, brokenRecord, flippedRecord, unknownOwner, flippedOwnership, flippedDue, flippedPayload, unknownDisposition,
            flippedLedger, flippedReference, flippedSubject, unknownMessage, flippedHistory, brokenSchedule

        /// The statements that do it; `?1` is the registration.
        var statements: [String] { [sql] + (self == .brokenSchedule ? [Self.dueSchedule] : []) }

        private static let dueSchedule = """
            INSERT INTO workflow_due (at, run, event, kind, workflow, queue)
            VALUES (0, 0, (SELECT count(*) FROM workflow_schedule), 'schedule', 'of ' || ?1, 'default')
            """

        private var sql: String {
            switch self {
            case .brokenSchedule: "INSERT INTO workflow_schedule (id, body) VALUES ('of ' || ?1, '{\"number\":')"
            case .unknownState: "UPDATE record SET state = 'NOWHERE', sum = NULL WHERE entity = ?1"
            case .brokenRecord: "UPDATE record SET body = substr(body, 1, length(body) / 2), sum = NULL WHERE entity = ?1"
            case .flippedRecord: "UPDATE record SET body = replace(body, '1', '3') WHERE entity = ?1"
            case .unknownOwner: "UPDATE ownership SET owner = 'durabme', sum = NULL WHERE entity = ?1"
            case .flippedOwnership: "UPDATE ownership SET epoch = epoch + 4 WHERE entity = ?1"
            case .flippedDue: "UPDATE record SET due_at = due_at + 4294967296 WHERE entity = ?1"
            case .flippedPayload: "UPDATE inbox SET payload = replace(payload, '0', '8') WHERE entity = ?1 AND disposition = 'parked'"
            case .unknownDisposition: "UPDATE inbox SET disposition = 'parkee' WHERE entity = ?1 AND disposition = 'parked'"
            case .flippedLedger: "UPDATE ledger SET reply = replace(reply, 'B', 'C') WHERE entity = ?1"
            case .flippedReference: "UPDATE reference SET entity = 'R-999999' WHERE entity = ?1"
            case .flippedSubject: "UPDATE subject SET content = replace(content, 'E', 'D') WHERE entity = ?1"
            case .unknownMessage:
                """
                INSERT INTO outbox (entity, epoch, kind, row, segment, sum) VALUES (?1, 2, 'startle', NULL, NULL, NULL)
                """
            case .flippedHistory:
                """
                UPDATE workflow_history SET events = zeroblob(length(events))
                WHERE run IN (SELECT key FROM workflow_run WHERE workflow LIKE ?1 || '/%')
                """
            }
        }
    }

    /// The size that continuous integration runs; a large run sets both, for example to 10,000 and 1,000.
    private static let registrations = setting("LOCKSTEP_REGISTRATIONS") ?? 60
    private static let poisons = setting("LOCKSTEP_POISONS") ?? 2 * Poison.allCases.count

    private static func setting(_ name: String) -> Int? { ProcessInfo.processInfo.environment[name].flatMap { Int($0) } }

    private static let halves = Task { try await TwoHalves(registrations, seed: 11) }

    /// The outcomes of all registrations when `damage` is done in the middle.
    private static func outcomes(_ label: String, damage: (LockstepDatabase) throws -> Void) async throws -> (
        [EntityID: Outcome], Set<EntityID>
    ) {
        let database = TwoHalves.path("poison-\(label)") + ".sqlite"
        defer { TwoHalves.remove(database) }
        let halves = try await Self.halves.value
        try await halves.first(database)
        try damage(try LockstepDatabase(path: database))
        let run = try await halves.second(database)
        let aside = try await SQLiteHandoffStore(try LockstepDatabase(path: database, readOnly: true)).quarantined().map(\.entity)
        return (try await run.outcomes(), Set(aside))
    }

    private static let calm: Task<[EntityID: Outcome], any Error> = Task { try await outcomes("calm") { _ in }.0 }

    @Test(.timeLimit(.minutes(registrations > 1_000 ? 600 : 20))) func everybodyElseEndsAsWithoutThem() async throws {
        let calm = try await Self.calm.value
        #expect(calm.count == Self.registrations)
        var random = SeededRandom(seed: 3, label: "poisons")
        let chosen = Array(calm.keys.sorted().shuffled(using: &random).prefix(Self.poisons))
        let poisons = Dictionary(
            uniqueKeysWithValues: chosen.enumerated().map { ($0.element, Poison.allCases[$0.offset % Poison.allCases.count]) })
        let (found, aside) = try await Self.outcomes("poisoned") { database in
            try database.write { connection in
                try connection.execute(sql: "PRAGMA ignore_check_constraints = ON")
                for (entity, poison) in poisons {
                    for sql in poison.statements { try connection.execute(sql: sql, arguments: [entity.rawValue]) }
                }
                try connection.execute(sql: "PRAGMA ignore_check_constraints = OFF")
            }
        }
        for (entity, outcome) in calm where poisons[entity] == nil { #expect(found[entity] == outcome, "\(entity) was left alone") }
        var bitten: [Poison: Int] = [:]
        for (entity, poison) in poisons where found[entity] != calm[entity] {
            bitten[poison, default: 0] += 1
            let isSeen = aside.contains(entity) || found[entity]?.status == "quarantined" || Self.isSilentByNature(poison)
            #expect(isSeen, "\(entity): \(poison) gave another outcome, and nobody is told")
        }
        print(
            "poisons: \(poisons.count) in \(calm.count) registrations, \(bitten.values.reduce(0, +)) of them with another outcome: \(bitten)"
        )
        #expect(bitten.count > 4, "the poisons bite: \(bitten)")
    }

    /// A lost reference makes dead letters, and a lost history an engine's quarantine: seen elsewhere.
    private static func isSilentByNature(_ poison: Poison) -> Bool {
        [.flippedReference, .flippedSubject, .flippedHistory].contains(poison)
    }
}
