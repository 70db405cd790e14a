import Cutover
public import Events
import HybridRouter
import LegacyStateMachine
public import Outcomes

/// An entity in the middle of its life, as a team's own database has it.
///
/// As JSON: `{"entity", "state", "record", "createdAt", "stepEnteredAt"?, "lastEventAt"?, "step"?, "completions"?, "effects"?}`. Times are ISO 8601.
/// `step` is needed for a state that belongs to no step. `completions` says how often each step was completed; without it, every legacy
/// step before the entity's was, once. `effects` are calls that were made already and must not be made again:
/// `{"step", "operation", "ordinal"?, "visit"?, "request"?, "reply"?, "at"}`.
public struct ImportedEntity: Sendable {
    /// Its id.
    public var entity: EntityID
    /// Its legacy state.
    public var state: String
    /// Its record, as the domain's type reads it.
    public var record: JSONValue
    /// The step it is in, for a state that belongs to no step.
    public var step: StepNumber?
    /// How often it has completed each step; nil for each legacy step before its own, once.
    public var completions: [StepNumber: Int]?
    /// When it was born.
    public var createdAt: Timestamp
    /// When it entered its step: deadlines count from here.
    public var stepEnteredAt: Timestamp
    /// When it was last heard of: polls count from here.
    public var lastEventAt: Timestamp
    /// The calls that were made for it, in order.
    public var effects: [LedgerEntry]

    /// Reads a line. Throws what was expected, found and is to be done, without the place.
    public init(parsing text: String) throws(TraceError) {
        let json: JSONValue
        do { json = try JSONValue(parsing: text, within: .line) } catch { throw TraceError("expected one JSON object a line; \(error)") }
        guard let id = WireID.read(json["entity"]) else {
            throw TraceError("expected \"entity\", an id of 1 to \(WireID.longest) visible characters, found none")
        }
        entity = EntityID(id)
        guard let state = json["state"]?.string else { throw TraceError("\(id): expected \"state\", a state of the machine, found none") }
        guard let record = json["record"], record.object != nil else {
            throw TraceError("\(id): expected \"record\", an object, found none")
        }
        (self.state, self.record) = (state, record)
        guard let created = try Self.time(json, "createdAt", id) else { throw TraceError("\(id): expected \"createdAt\", found none") }
        createdAt = created
        stepEnteredAt = try Self.time(json, "stepEnteredAt", id) ?? created
        lastEventAt = try Self.time(json, "lastEventAt", id) ?? stepEnteredAt
        step = try json["step"].map { value throws(TraceError) in try Self.step(value, id) }
        completions = try json["completions"].map { value throws(TraceError) in try Self.completions(value, id) }
        effects = []
        for effect in json["effects"]?.array ?? [] { effects.append(try Self.effect(effect, entity)) }
    }

    /// The setting that holds when the last entity came in.
    static let setting = "imported.at"

    private static func time(_ json: JSONValue, _ name: String, _ id: String) throws(TraceError) -> Timestamp? {
        guard let value = json[name], !value.isNull else { return nil }
        guard let time = value.string.flatMap({ Timestamp($0) }), ReceiptTime.range.contains(time) else {
            throw TraceError("\(id): expected \"\(name)\" as an ISO 8601 time from 2000 to 2099, found something else")
        }
        return time
    }

    private static func step(_ value: JSONValue, _ id: String) throws(TraceError) -> StepNumber {
        guard let step = value.string.flatMap({ StepNumber($0) }) else {
            throw TraceError("\(id): expected a step number as a text, for example \"5.2\", found something else")
        }
        return step
    }

    private static func completions(_ value: JSONValue, _ id: String) throws(TraceError) -> [StepNumber: Int] {
        var completions: [StepNumber: Int] = [:]
        for (name, count) in value.object ?? [:] {
            guard let count = count.integer, (0...10_000).contains(count) else {
                throw TraceError("\(id): expected how often step \(name) was completed, 0 to 10000, found something else")
            }
            completions[try step(.string(name), id)] = count
        }
        return completions
    }

    private static func effect(_ json: JSONValue, _ entity: EntityID) throws(TraceError) -> LedgerEntry {
        let id = entity.rawValue
        guard let value = json["step"], let operation = json["operation"]?.string, let at = try time(json, "at", id) else {
            throw TraceError("\(id): expected an effect with \"step\", \"operation\" and \"at\", found one without")
        }
        let (visit, ordinal) = (json["visit"]?.integer ?? 1, json["ordinal"]?.integer ?? 1)
        guard visit > 0, ordinal > 0 else { throw TraceError("\(id): expected \"visit\" and \"ordinal\" from 1, found less") }
        let key = EffectKey(entity: entity, step: try step(value, id), visit: visit, operation: operation, ordinal: ordinal)
        return LedgerEntry(
            key: key, request: json["request"] ?? [:], reply: json["reply"] ?? [:], owner: .legacy, epoch: 1, attempt: 1, at: at)
    }
}

/// What became of an entity that was to come in.
public enum ImportResult: Hashable, Sendable {
    /// It is in the store now.
    case imported
    /// It came in before.
    case known
    /// It cannot come in; the sentence says why.
    case refused(String)
}

extension EventBridge {
    /// Why an entity cannot come in; nil when it can. The store is not asked.
    public func refusal(of imported: ImportedEntity, at now: Timestamp) -> String? {
        do {
            try check(imported, at: now)
            return nil
        } catch { return "\(error)" }
    }

    private func check(_ imported: ImportedEntity, at now: Timestamp) throws {
        let id = imported.entity
        guard domain.service == nil else {
            throw TraceError(
                "\(id): expected a legacy machine in this process, found one that is a service, which keeps its records itself;"
                    + " ask it with --from-service")
        }
        guard State(rawValue: imported.state) != nil else {
            throw TraceError("\(id): expected a state of \(domain.machine.name), found \(imported.state)")
        }
        do { _ = try imported.record.decoded(as: Record.self) } catch {
            throw TraceError("\(id): expected a record that this build reads, found one that it does not: \(error)")
        }
        let step = try place(of: imported)
        let unknown = ([step] + (imported.completions ?? [:]).keys + imported.effects.map(\.key.step)).filter { plan.planned($0) == nil }
        guard unknown.isEmpty else { throw TraceError("\(id): expected steps of plan \(plan.name), found \(unknown[0])") }
        let times = [imported.createdAt, imported.stepEnteredAt, imported.lastEventAt] + imported.effects.map(\.at)
        guard times.allSatisfy({ $0 <= now }) else { throw TraceError("\(id): expected times that are over, found one after \(now)") }
    }

    /// The step that the entity is in.
    private func place(of imported: ImportedEntity) throws -> StepNumber {
        guard let step = try pipeline.legacy.place(of: imported.state).step ?? imported.step else {
            throw TraceError("\(imported.entity): expected \"step\", since state \(imported.state) belongs to none, found none")
        }
        return step
    }

    /// Takes an entity in where it stands. In a boundary state the plan says who has the next step; anywhere else legacy goes on.
    ///
    /// A store that groups commits makes it durable with its next flush, whole or not at all. Any other one commits its birth before its
    /// times, completions and effects, so a process that is killed in between leaves it without them. An entity that came in before is
    /// left as it is.
    public func take(_ imported: ImportedEntity, at now: Timestamp) async throws -> ImportResult {
        let result = try await look(at: imported, at: now)
        guard result == .imported else { return result }
        let record = try imported.record.decoded(as: Record.self)
        let birth = Birth(step: try place(of: imported), state: imported.state, body: RecordBody(record))
        return try await bear(imported.entity, birth, at: now) { try await settle(imported, record, $0, at: now) }
    }

    /// What ``take(_:at:)-(ImportedEntity,_)`` would say. Nothing is written.
    public func look(at imported: ImportedEntity, at now: Timestamp) async throws -> ImportResult {
        let entity = imported.entity
        if let refusal = refusal(of: imported, at: now) { return .refused(refusal) }
        guard try await store.snapshot(of: entity) != nil else { return .imported }
        let id = ImportedEntity.event(of: entity)
        let isOurs = try await store.rows(of: entity).contains { $0.event.id == id && $0.event.source == .lockstep }
        if isOurs { return .known }
        if try await store.compactedDeliveries(of: entity).contains(DeliveryName(.lockstep, id)) { return .known }
        return .refused("\(entity): expected an entity that the database does not have, found it there")
    }

    /// Lets an entity be born in the middle of its life, and `settle` say where it stands.
    func bear(
        _ entity: EntityID, _ birth: Birth, at now: Timestamp, settle: (RowReference) async throws -> Void
    ) async throws -> ImportResult {
        let event = IncomingEvent(
            id: ImportedEntity.event(of: entity), source: .lockstep, reference: .entity(entity), kind: "lockstep.import", receivedAt: now)
        guard case .accepted(_, let row)? = try await store.accept([.event(event, birth: birth)], at: now).first else { return .known }
        try await settle(RowReference(row.sequence, event.kind))
        if try await store.value(ImportedEntity.setting) != now.description {
            try await store.set(ImportedEntity.setting, to: now.description)
        }
        return .imported
    }

    private func settle(_ imported: ImportedEntity, _ record: Record, _ row: RowReference, at now: Timestamp) async throws {
        guard let snapshot = try await pipeline.snapshot(of: imported.entity) else { return }
        let place = try pipeline.legacy.place(of: imported.state)
        var stored = snapshot.record
        (stored.createdAt, stored.stepEnteredAt, stored.lastEventAt) = (imported.createdAt, imported.stepEnteredAt, imported.lastEventAt)
        stored.isFinal = place.isFinal
        stored.dueAt = try pipeline.dueAt(stored)
        var transaction = EntityTransaction(
            entity: imported.entity, epoch: snapshot.ownership.epoch, version: snapshot.record.version, at: now)
        let behind = completed(imported, snapshot.ownership.step, place.completed)
        let arrival = Move.imported(row, completed: behind, passed: place.completed)
        transaction.moves = [arrival] + imported.effects.map { .performed($0.key) }
        transaction.record = stored
        transaction.effects = imported.effects
        transaction.references = domain.references(record)
        if place.isFinal { transaction.moves.append(.ended(state: imported.state)) }
        var ownership = snapshot.ownership
        ownership.apply(arrival)
        try await pipeline.leaveBoundary(&transaction, ownership, at: imported.state, isEntered: true, stored)
        try await pipeline.commit(transaction, on: snapshot)
    }

    /// The steps that the entity has behind it, each as often as it was completed.
    private func completed(_ imported: ImportedEntity, _ step: StepNumber, _ passed: StepNumber?) -> [StepNumber] {
        if let completions = imported.completions {
            return completions.sorted { $0.key < $1.key }.flatMap { Array(repeating: $0.key, count: $0.value) }
        }
        return plan.behind(step, passed)
    }
}

extension ImportedEntity {
    /// The id of the event by which an entity came in.
    fileprivate static func event(of entity: EntityID) -> EventID { EventID("import/\(entity)") }
}

extension MigrationPlan {
    /// The steps of legacy that an entity in `step` has behind it, and the one that is complete in its state.
    func behind(_ step: StepNumber, _ passed: StepNumber?) -> [StepNumber] {
        let first = passed.map { max($0, step) } ?? step
        return steps.filter { !$0.isAdded && ($0.number < first || $0.number == passed) }.map(\.number)
    }
}
