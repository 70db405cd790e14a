package import Events
import Outcomes

/// The last word of a sender without event ids about one subject of an entity.
///
/// The same word again is a repetition, whenever it comes. It is news when it answers a later call of ours, a correction or an appeal
/// for example, and is not from before that call.
package struct Subject: Hashable, Sendable {
    /// The last word's kind and content.
    package var content: String
    /// How many calls of ours it could answer when it came.
    package var calls: Int

    /// A word that was said after so many calls.
    package init(content: String, calls: Int) {
        self.content = content
        self.calls = calls
    }

    /// The word that `event` says; `calls` are the times of those of our calls that it can answer.
    package init(_ event: Event, answering calls: [Timestamp]) {
        self.init(content: "\(event.kind) \(event.payload.canonicalText)", calls: calls.count)
    }

    /// True when `next`, said at `saidAt`, repeats this word; `calls` are the times of those of our calls that it can answer.
    package func isRepeated(by next: Subject, saidAt: Timestamp, answering calls: [Timestamp]) -> Bool {
        guard content == next.content, let latest = calls.max() else { return content == next.content }
        return calls.count <= self.calls || saidAt <= latest
    }
}

extension Sequence<LedgerEntry> {
    /// When calls of `operations` were performed.
    package func times(of operations: [String]) -> [Timestamp] {
        operations.isEmpty ? [] : filter { operations.contains($0.key.operation) }.map(\.at)
    }
}
