import Bridge
import Events
import LegacyStateMachine
import Testing

/// A service of which one entity moves while the others are looked at.
private struct MovingService: LegacyService {
    let pages: [[LegacyChanges.Change]]

    func changes(after cursor: String?, limit: Int) async throws -> LegacyChanges {
        let index = cursor.flatMap(Int.init) ?? 0
        return LegacyChanges(changes: index < pages.count ? pages[index] : [], cursor: String(min(index + 1, pages.count)))
    }

    func machine() async throws -> LegacyMachine { throw LegacyFault("expected changes to be asked for alone") }
    func view(_ entity: EntityID, after version: Int) async throws -> LegacyView? { nil }
    func handle(_ call: LegacyCall) async throws -> LegacyAnswer { throw LegacyFault("expected changes to be asked for alone") }
    func release(_ call: LegacyRelease) async throws -> LegacyView { throw LegacyFault("expected changes to be asked for alone") }
    func take(_ call: LegacyTake) async throws -> LegacyView { throw LegacyFault("expected changes to be asked for alone") }
}

/// Where a run begins to follow a service after an import.
@Suite struct ServiceImportTests {
    private static func page(_ changes: KeyValuePairs<EntityID, Int>) -> [LegacyChanges.Change] {
        changes.map { LegacyChanges.Change(entity: $0, version: $1) }
    }

    /// `versions` is what the look at each entity finds; the cursor is the number of pages that are dealt with.
    private func follow(_ pages: [[LegacyChanges.Change]], _ versions: [EntityID: Int]) async throws -> (cursor: String?, looks: [EntityID])
    {
        var looks: [EntityID] = []
        let cursor = try await MovingService(pages: pages).lookAtAll { entity in
            looks.append(entity)
            return versions[entity] ?? .max
        }
        return (cursor, looks)
    }

    @Test func whatStandsStillIsNotAskedForAgain() async throws {
        let found = try await follow([Self.page(["A": 1, "B": 2]), Self.page(["C": 1, "A": 2])], ["A": 2, "B": 2, "C": 1])
        #expect(found.cursor == "2" && found.looks == ["A", "B", "C"])
    }

    @Test func whatMovesAfterItsLookComesAgain() async throws {
        // A moves to 3 after it was looked at: the pages behind are asked for again although all in the last one is known.
        let found = try await follow([Self.page(["A": 1]), Self.page(["A": 3]), Self.page(["B": 1])], ["A": 2, "B": 1])
        #expect(found.cursor == "1" && found.looks == ["A", "B"])
    }

    @Test func whatCameInBeforeComesAgain() async throws {
        #expect(try await follow([Self.page(["A": 1]), Self.page(["B": 1])], ["A": 0, "B": 1]).cursor == nil)
    }

    @Test func whatIsNoneOfOursIsPassed() async throws {
        #expect(try await follow([Self.page(["A": 1]), Self.page(["B": 1, "A": 9])], ["B": 1]).cursor == "2")
    }
}
