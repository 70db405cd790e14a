public import Events
import GRDB

/// A dead letter as it is listed, without its body.
public struct ListedLetter: Hashable, Sendable {
    /// Its place in the order of arrival.
    public let number: Int
    /// The delivery's id, own or derived.
    public let id: EventID
    /// Who sent it.
    public let source: EventSource
    /// Why it was not routed.
    public let reason: DeadLetter.Reason
    /// What was expected and found, without personal data.
    public let detail: String
    /// The type that no machine reads; nil for a letter of another reason.
    public let type: String?
    /// When it arrived.
    public let receivedAt: Timestamp
}

extension SQLiteHandoffStore {
    /// The last `limit` dead letters that arrived before the one of that `number`, the latest first; those of one `reason`, or all.
    public func letters(before number: Int = .max, of reason: DeadLetter.Reason? = nil, limit: Int) throws -> [ListedLetter] {
        try database.read { database in
            try database.all(
                """
                SELECT sequence, event_id, source, reason, detail, type, received_at FROM dead_letter
                WHERE sequence < ? AND reason = coalesce(?, reason) ORDER BY sequence DESC LIMIT ?
                """,
                [.int(number), .optional(reason?.rawValue), .int(limit)]
            ) { row in
                ListedLetter(
                    number: row.int(0), id: EventID(row.text(1)), source: EventSource(row.text(2)), reason: DeadLetter.Reason(row.text(3)),
                    detail: row.text(4), type: row.text(ifAny: 5), receivedAt: row.time(6))
            }
        }
    }
}
