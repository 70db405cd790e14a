/// A pattern in which `*` stands for any run of characters, also none and also slashes; everything else stands for itself.
public struct Glob: Hashable, Sendable, CustomStringConvertible {
    /// The pattern.
    public let description: String
    private let pattern: [UInt8]

    /// A pattern; every text is one.
    public init(_ pattern: String) {
        description = pattern
        self.pattern = Array(pattern.utf8)
    }

    /// True when the whole of `text` fits.
    public func matches(_ text: String) -> Bool {
        let text = Array(text.utf8)
        var (place, at) = (0, 0)
        var retry: (place: Int, at: Int)?
        while at < text.count {
            if place < pattern.count, pattern[place] == UInt8(ascii: "*") {
                place += 1
                retry = (place, at)
            } else if place < pattern.count, pattern[place] == text[at] {
                (place, at) = (place + 1, at + 1)
            } else if let last = retry {
                (place, at) = (last.place, last.at + 1)
                retry = (last.place, last.at + 1)
            } else {
                return false
            }
        }
        return pattern[place...].allSatisfy { $0 == UInt8(ascii: "*") }
    }
}
