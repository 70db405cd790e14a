package import Events
import Outcomes

/// The last word of a sender without event ids about one subject of an entity.
///
/// The same word again is a repetition, whenever it comes. It is news when it answers a later call of ours, a correction or an appeal
/// for example, and is not from before that call.
package struct Subject: Hashable, Sendable {
    /// The last word's kind and content.
    package var content: String
    /// When it was said.
    package var saidAt: Timestamp

    /// A word that was said.
    package init(content: String, saidAt: Timestamp) {
        self.content = content
        self.saidAt = saidAt
    }

    /// The word that `event` says.
    package init(_ event: Event) { self.init(content: "\(event.kind) \(event.payload.canonicalText)", saidAt: event.occurredAt) }

    /// True when `next` repeats this word. `asked` yields when we last made a call that the word answers; nil for never.
    package func isRepeated(by next: Subject, asked: () throws -> Timestamp?) rethrows -> Bool {
        guard content == next.content else { return false }
        guard let asked = try asked() else { return true }
        return asked <= saidAt || next.saidAt <= asked
    }
}

extension Sequence<LedgerEntry> {
    /// When one of `operations` was last performed; nil for never.
    package func latest(of operations: [String]) -> Timestamp? {
        operations.isEmpty ? nil : filter { operations.contains($0.key.operation) }.map(\.at).max()
    }
}
