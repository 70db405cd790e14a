public import Events

extension World {
    /// Tells the world of a line of a recorded trace at the moment it happens there.
    ///
    /// Events name their registration by our id or by ids that the world itself gives out, which are known in advance.
    public func happen(_ line: TraceLine, registrations: ReferenceBook) throws {
        guard line.source != .world else { return try script(line.body) }
        for decoded in A2PDecoders.all.filter({ $0.source == line.source }).flatMap({ $0.decode(line.message) }) {
            guard case .event(let incoming) = decoded, let entity = registrations.entity(incoming.reference) else { continue }
            occur(incoming.kind, incoming.payload, entity: entity, at: line.occurredAt ?? incoming.occurredAt)
        }
    }
}

/// Which registration an outside id belongs to, for every registration that a trace submits.
public struct ReferenceBook: Sendable {
    private var entities: [String: EntityID] = [:]
    /// By the first id of its numbers, and how many there may be: fifty ids of each registration would be most of the book.
    private var numbered: [String: (entity: EntityID, count: Int)] = [:]

    /// An empty book.
    public init() {}

    /// The book of all registrations in `lines`.
    public init(_ lines: [TraceLine]) {
        for line in lines { add(line) }
    }

    /// Adds the registration that `line` submits, if it submits one.
    public mutating func add(_ line: TraceLine) {
        guard line.body["type"]?.string == "registration.submit", let id = line.body["registration"]?.string else { return }
        add(EntityID(id))
    }

    /// Adds a registration of at most so many numbers.
    public mutating func add(_ entity: EntityID, numbers: Int = 50) {
        for id in Self.ownIDs(of: entity) { entities[id] = entity }
        numbered[SyntheticIDs.numberSid(entity, index: 1)] = (entity, max(1, min(numbers, NumberLimit.pool)))
    }

    /// The ids by which others know a registration of at most so many numbers; its own is the first.
    public static func ids(of entity: EntityID, numbers: Int = 50) -> [String] {
        ownIDs(of: entity) + (1...max(1, numbers)).map { SyntheticIDs.numberSid(entity, index: $0) }
    }

    private static func ownIDs(of entity: EntityID) -> [String] {
        [
            entity.rawValue, SyntheticIDs.bundleSid(entity), SyntheticIDs.brand(entity), SyntheticIDs.campaign(entity),
            SyntheticIDs.brandSid(entity),
            SyntheticIDs.campaignSid(entity),
            SyntheticIDs.vetting(entity), SyntheticIDs.telnyxBrand(entity), SyntheticIDs.telnyxCampaign(entity),
        ]
    }

    /// The registration that `reference` names; nil for an unknown one.
    public func entity(_ reference: EntityReference) -> EntityID? {
        switch reference {
        case .entity(let entity): entity
        case .external(let ids): ids.lazy.compactMap { entities[$0] ?? numberOwner($0) }.first
        }
    }

    private func numberOwner(_ id: String) -> EntityID? {
        guard let (first, index) = SyntheticIDs.firstNumber(beside: id), let known = numbered[first], index <= known.count else {
            return nil
        }
        return known.entity
    }
}
