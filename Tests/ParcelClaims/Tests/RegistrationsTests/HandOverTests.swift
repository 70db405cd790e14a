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

        /// What the service had before there was a bridge: in every state that waits, with its moves and calls, or with the last of them only.
        @Test func whatTheServiceHadComesIn() async throws {
            let service = try ReferenceService("--stuck-after", "2", "--cron-every", "0.2", "--cut", "0")
            let words = ["brand", "identity", "score", "usecase"]
            for number in 1...8 { try begin(number, after: Array(words.prefix(number % 5)), in: service) }
            _ = try service.query("DELETE FROM move WHERE entity = 'R-3' AND version < 3")
            _ = try service.query("UPDATE registration SET epoch = 7, released = true WHERE entity = 'R-8'")

            let looked = try BridgeProcess.run(service, ["import", "--from-service", "--dry-run"])
            #expect(looked.code == 1 && looked.output.contains("8 registrations: 7 could come in, 0 known before, 1 refused"), "\(looked)")
            #expect(looked.output.contains("R-8: expected an entity that was always the service's, found it released under epoch 7"))
            let arguments = ["import", "--from-service", "--database", BridgeProcess.database(service)]
            let first = try BridgeProcess.run(service, arguments)
            #expect(first.code == 1 && first.output.contains("8 registrations: 7 taken in, 0 known before, 1 refused"), "\(first)")
            let second = try BridgeProcess.run(service, arguments)
            #expect(second.output.contains("8 registrations: 0 taken in, 7 known before, 1 refused"), "\(second)")

            let bridge = try BridgeProcess(service, Deliveries.lines(7).filter { !$0.contains("registration.submit") })
            try await wait("the seven to be active", service) { try active(service) == 7 }
            let database = BridgeProcess.database(service)
            try await wait("the bridge to know it", service) {
                let store = SQLiteHandoffStore(try LockstepDatabase(path: database, access: .reader))
                for number in 1...7 {
                    guard try await store.snapshot(of: EntityID("R-\(number)"))?.record.state == "ACTIVE" else { return false }
                }
                return true
            }
            #expect(try bridge.end() == 0)
            let store = SQLiteHandoffStore(try LockstepDatabase(path: database, access: .reader))
            #expect(try await store.quarantined() == [])
            for number in 1...7 {
                let handOffs = try await store.journal(of: EntityID("R-\(number)")).map(\.move).filter { $0.newOwner != nil }
                #expect(handOffs == [.handedOff(["5.2"]), .handedBack(to: "6")], "R-\(number)")
            }
            let twice = try service.query("SELECT entity, version FROM move GROUP BY 1, 2 HAVING count(*) > 1")
            #expect(twice == [])

            // A service that has left out what it did to one stops that one.
            try begin(9, after: words, in: service)
            try begin(10, after: [], in: service)
            _ = try service.query("DELETE FROM move WHERE entity = 'R-9' AND version = 3")
            let third = try BridgeProcess.run(service, arguments)
            #expect(third.code == 1 && third.output.contains("10 registrations: 1 taken in, 7 known before, 2 refused"), "\(third)")
            #expect(third.output.contains("R-9: expected its move 3 from IDENTITY_PENDING, found move 4"))
            #expect(try await SQLiteHandoffStore(try LockstepDatabase(path: database, access: .reader)).snapshot(of: "R-9") == nil)
        }

        /// A registration as the service would have it by itself, after so many approvals.
        private func begin(_ number: Int, after approvals: [String], in service: ReferenceService) throws {
            let id = "R-\(number)"
            let record: JSONValue = ["name": "Example", "ours": "kept", "decided": .bool(Deliveries.isSilent(number))]
            let all = ["BRAND", "IDENTITY", "SCORE", "USECASE"]
            var states = ["NEW"] + all.prefix(approvals.count + 1).map { $0 + "_PENDING" }
            if approvals.count == all.count { states.append("BRAND_READY") }
            let events = ["registration.submit"] + approvals.map { $0 + ".approved" }
            let state = try #require(states.last)
            _ = try service.query(
                "INSERT INTO registration VALUES ('\(id)', '\(state)', '\(record.canonicalText)', \(events.count), 0, false, now())")
            for (index, event) in events.enumerated() {
                _ = try service.query(
                    "INSERT INTO move (entity, version, event, from_state, to_state, at, effects) VALUES"
                        + " ('\(id)', \(index + 1), '\(event)', '\(states[index])', '\(states[index + 1])', now(), '[]')")
            }
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
