import DurableWorkflow
import Events
import Foundation
import Testing

/// Histories of others, by hand: `LOCKSTEP_HISTORIES` names a folder with Temporal's history JSON. Each is read and written again, to
/// `NAME.json.again`, and no member that has a meaning may be lost. Events that a worker may ignore are left out on purpose. Whether the values
/// are the same, Temporal's own messages say: `Temporal/same_histories.py`.
@Suite struct HistoryFolderTests {
    private static let folder = ProcessInfo.processInfo.environment["LOCKSTEP_HISTORIES"].map { URL(filePath: $0) }

    @Test(.enabled(if: folder != nil, "LOCKSTEP_HISTORIES names a folder")) func nothingIsLost() throws {
        let folder = try #require(Self.folder)
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.hasSuffix(".json") }.sorted()
        #expect(!names.isEmpty)
        for name in names {
            do {
                let text = try String(contentsOf: folder.appending(path: name), encoding: .utf8)
                let history = try WorkflowHistory(temporalJSON: text)
                // The compact form has no ids: where an event was left out, an import numbers the others anew.
                let hasAllIDs = history.events.last?.id == history.events.count
                let kept = hasAllIDs ? try EventCoding.decode(EventCoding.encode(history.events), first: 1) : history.events
                let again = WorkflowHistory(events: kept).temporalJSON
                try again.write(to: folder.appending(path: name + ".again"), atomically: true, encoding: .utf8)
                let (events, all) = try (Self.events(JSONValue(parsing: text)), Self.events(JSONValue(parsing: again)))
                for (index, event) in events.enumerated() {
                    let written = index < all.count ? all[index] : nil
                    for loss in Self.lost(event, written, "event \(index + 1)") { Issue.record("\(name): \(loss)") }
                }
            } catch { Issue.record("\(name): refused: \(error)") }
        }
        print("histories: \(names.count)")
    }

    private static func events(_ json: JSONValue) -> [JSONValue] {
        let history = json.array?.first ?? json
        let events = (history["events"] ?? history["history"]?["events"])?.array ?? []
        return events.filter { $0["workerMayIgnore"] != true }
    }

    /// The members of `old` that have a value and that `new` has not, by their paths.
    private static func lost(_ old: JSONValue, _ new: JSONValue?, _ path: String) -> [String] {
        switch old {
        case .object(let members):
            return members.sorted { $0.key < $1.key }.flatMap { lost($0.value, new?[$0.key], "\(path).\($0.key)") }
        case .array(let elements):
            let others = new?.array ?? []
            return elements.enumerated().flatMap { lost($0.element, $0.offset < others.count ? others[$0.offset] : nil, "\(path)[]") }
        default: return isNothing(old) || new != nil ? [] : ["\(path) is lost"]
        }
    }

    private static func isNothing(_ value: JSONValue) -> Bool {
        ["", "0", "0s"].contains(value.string) || value.isNull || value.integer == 0 || value == false
    }
}
