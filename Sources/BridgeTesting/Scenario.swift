public import Events
import FoundationEssentials
public import Outcomes

/// A recorded scenario: a folder with `events.jsonl` and `outcome.json`.
public struct Scenario: Sendable {
    /// The folder's name.
    public let name: String
    /// The deliveries, in order of receipt.
    public let lines: [TraceLine]
    /// What legacy alone ends as, by entity; nil when the folder has no `outcome.json`.
    public let legacy: [EntityID: Outcome]?
    /// What hybrid ends as: legacy's outcome with what `hybrid` overrides.
    public let hybrid: [EntityID: Outcome]?

    /// Reads a folder. Throws a sentence with file and line.
    public init(folder: String) throws {
        name = String(folder.split(separator: "/").last ?? "")
        lines = try Self.lines(file: "\(folder)/events.jsonl")
        let file = "\(folder)/outcome.json"
        guard let data = try? Data(contentsOf: URL(filePath: file)) else {
            (legacy, hybrid) = (nil, nil)
            return
        }
        do {
            let expected = try JSONValue(parsing: String(decoding: data, as: UTF8.self))
            guard let id = (expected["entity"] ?? expected["registration"])?.string else { throw TraceError("expected \"entity\"") }
            let common: Outcome = try expected.decoded()
            legacy = [EntityID(id): common]
            hybrid = [EntityID(id): Self.override(common, by: expected["hybrid"] ?? [:])]
        } catch { throw TraceError("\(file): \(error)") }
    }

    /// Reads a trace file.
    public static func lines(file: String) throws -> [TraceLine] {
        let data: Data
        do { data = try Data(contentsOf: URL(filePath: file)) } catch {
            throw TraceError("\(file): expected a file that can be read, found none")
        }
        var lines: [TraceLine] = []
        for (index, text) in data.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).enumerated() {
            if text.allSatisfy({ $0 == 0x20 || (0x09...0x0D).contains($0) }) { continue }
            do { lines.append(try TraceLine(parsing: String(decoding: text, as: UTF8.self))) } catch {
                throw TraceError("\(file):\(index + 1): \(error)")
            }
        }
        return lines.enumerated().sorted { ($0.element.receivedAt, $0.offset) < ($1.element.receivedAt, $1.offset) }.map(\.element)
    }

    private static func override(_ outcome: Outcome, by changes: JSONValue) -> Outcome {
        var outcome = outcome
        outcome.status = changes["status"]?.string ?? outcome.status
        outcome.state = changes["state"]?.string ?? outcome.state
        for (path, value) in changes["facts"]?.object ?? [:] { outcome.facts[path] = value.isNull ? nil : value }
        return outcome
    }
}
