import Foundation
import Lockstep
import Testing

extension LegacyServiceTests {
    /// The machine stays in Python on PostgreSQL, one step is durable here, and what goes wrong between the two is made good.
    @Suite(.serialized, .timeLimit(.minutes(3))) struct HandOverTests {
        private static let count = 24

        /// What waits longer than this is looked at by the cron job, which works all the time.
        private func service(_ options: String...) throws -> ReferenceService {
            let service = try ReferenceService("--stuck-after", "0.5", "--cron-every", "0.2", "--cut", options.first ?? "0")
            // The party of every fifth registration fails three times: its event waits in the service's own queue.
            _ = try service.query(
                "INSERT INTO outside_trouble SELECT 'R-' || n, 3 FROM generate_series(1, \(Self.count)) n WHERE n % 5 = 0")
            return service
        }

        private func active(_ service: ReferenceService) throws -> Int {
            Int(try service.query("SELECT count(*) FROM registration WHERE state = 'ACTIVE'").first ?? "") ?? 0
        }

        /// The bridge learns of what the cron job did a moment later than the service.
        private func isThrough(_ service: ReferenceService) async throws -> Bool {
            guard try active(service) == Self.count else { return false }
            let store = SQLiteHandoffStore(try LockstepDatabase(path: BridgeProcess.database(service), access: .reader))
            for number in 1...Self.count {
                guard try await store.snapshot(of: EntityID("R-\(number)"))?.record.state == "ACTIVE" else { return false }
            }
            return true
        }

        private func moves(_ service: ReferenceService) throws -> Int {
            Int(try service.query("SELECT count(*) FROM move").first ?? "") ?? 0
        }

        /// Waits for a signal that is read again and again; gives up in time for its last words.
        private func wait(_ what: String, _ service: ReferenceService, until isTrue: () async throws -> Bool) async throws {
            let end = ContinuousClock.now + .seconds(150)
            while try await !isTrue() {
                guard ContinuousClock.now < end else {
                    let states = try service.query("SELECT state, count(*) FROM registration GROUP BY 1")
                    Issue.record("expected \(what) within 150 s, found \(states) in the service")
                    throw CancellationError()
                }
                try await Task.sleep(for: .milliseconds(20))
            }
        }

        @Test func everyRegistrationComesThrough() async throws {
            let service = try service()
            let bridge = try BridgeProcess(service, Deliveries.lines(Self.count))
            try await wait("all to be active on both sides", service) { try await isThrough(service) }
            #expect(try bridge.end() == 0)
            try await verify(service)
        }

        /// Every third call loses its request or its answer.
        @Test func everyCallMayBeCutOff() async throws {
            let service = try service("3")
            let bridge = try BridgeProcess(service, Deliveries.lines(Self.count))
            try await wait("all to be active on both sides", service) { try await isThrough(service) }
            #expect(try bridge.end() == 0)
            try await verify(service)
        }

        /// The service is killed and frozen past the time that a call may take, the bridge is killed; each time both go on.
        @Test func bothSidesMayBeKilledAndFrozen() async throws {
            let service = try service()
            let lines = Deliveries.lines(Self.count)
            var bridge = try BridgeProcess(service, lines)
            for (round, fault) in ["kill", "bridge", "freeze", "bridge", "kill", "freeze", "bridge", "kill"].enumerated() {
                let target = try moves(service) + 6 + round
                try await wait("more moves", service) { try moves(service) >= target || active(service) == Self.count }
                switch fault {
                case "kill":
                    service.kill(SIGKILL)
                    try service.start()
                case "freeze":
                    service.kill(SIGSTOP)
                    // Calls give up after two seconds: the frozen service has them in its socket and handles them late.
                    try await Task.sleep(for: .seconds(3))
                    service.kill(SIGCONT)
                default:
                    bridge.kill()
                    bridge = try BridgeProcess(service, lines)
                }
            }
            try await wait("all to be active on both sides", service) { try await isThrough(service) }
            #expect(try bridge.end() == 0)
            try await verify(service)
        }

        /// What both sides say in the end, each from its own database.
        private func verify(_ service: ReferenceService) async throws {
            #expect(
                try service.query("SELECT count(*) FROM registration WHERE record->>'score' = '77' AND record->>'ours' = 'kept'") == ["24"])
            // Nothing happens while the durable side has it: one version is missing in its moves, and the state is the same before and after.
            let gaps = try service.query(
                """
                SELECT entity, from_state, before FROM (SELECT *, lag(version, 1, 0) OVER w AS last, lag(to_state, 1, 'NEW') OVER w AS before
                FROM move WINDOW w AS (PARTITION BY entity ORDER BY version)) m WHERE version <> last + 1 OR from_state <> before ORDER BY entity
                """)
            #expect(gaps.count == Self.count && gaps.allSatisfy { $0.hasSuffix("|BRAND_READY|BRAND_READY") }, "\(gaps)")
            let store = SQLiteHandoffStore(try LockstepDatabase(path: BridgeProcess.database(service), access: .reader))
            #expect(try await store.quarantined() == [])
            for number in 1...Self.count { try await verify("R-\(number)", service, store) }
            let vettings = try FileManager.default.contentsOfDirectory(atPath: service.folder + "/vetting")
            #expect(vettings.count == Self.count)
        }

        private func verify(_ id: String, _ service: ReferenceService, _ store: SQLiteHandoffStore) async throws {
            let entity = EntityID(id)
            let snapshot = try #require(try await store.snapshot(of: entity))
            #expect(snapshot.record.state == "ACTIVE" && snapshot.ownership.owner == .legacy && snapshot.ownership.epoch == 3, "\(id)")
            let performed = try await store.ledger(of: entity).map { "\($0.key.step)/\($0.key.operation)" }
            let asked = try service.query("SELECT key FROM outside_call WHERE entity = '\(id)'").map { String($0.dropFirst(id.count + 1)) }
            #expect(Set(performed) == Set(asked + ["5.2/vetting.request"]) && performed.count == asked.count + 1, "\(id)")
            let handOffs = try await store.journal(of: entity).map(\.move).filter { $0.newOwner != nil }
            #expect(handOffs == [.handedOff(["5.2"]), .handedBack(to: "6")], "\(id)")
        }
    }
}
