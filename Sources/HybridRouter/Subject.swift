package import Events

/// The last word of a sender without event ids about one subject of an entity.
///
/// The same word again is a repetition, whenever it comes. It is news when something of ours lies in between, a correction or an
/// appeal for example, and the word is not from before it.
package struct Subject: Hashable, Sendable {
    /// The last word's kind and content; empty before the first.
    package var content: String
    /// When something of ours made the next word news.
    package var renewedAt: Timestamp?

    /// A subject nobody has spoken of.
    package init(content: String = "", renewedAt: Timestamp? = nil) {
        self.content = content
        self.renewedAt = renewedAt
    }

    /// The text by which words are compared.
    package static func content(_ event: Event) -> String { "\(event.kind) \(event.payload.canonicalText)" }

    /// True unless `event` repeats the last word.
    package func isNews(_ event: Event) -> Bool {
        if content != Self.content(event) { return true }
        return renewedAt.map { event.occurredAt > $0 } ?? false
    }

    /// Takes `event` for the last word.
    package mutating func take(_ event: Event) {
        content = Self.content(event)
        renewedAt = nil
    }
}
