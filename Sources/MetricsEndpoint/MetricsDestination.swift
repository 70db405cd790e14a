/// Where metrics are to be seen: in a file, or on a port.
public enum MetricsDestination: Hashable, Sendable, CustomStringConvertible {
    /// A file, replaced as a whole.
    case file(String)
    /// `GET /metrics` on an address; port 0 for any that is free.
    case address(host: String, port: UInt16)

    /// `HOST:PORT` is an address, anything else a path; a path with a colon and digits at its end needs a slash: `./a:1`.
    public init(_ text: String) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard !text.contains("/"), parts.count >= 2, let last = parts.last, !last.isEmpty, last.allSatisfy(\.isNumber),
            let port = UInt16(last)
        else {
            self = .file(text)
            return
        }
        self = .address(host: String(text.dropLast(last.count + 1)), port: port)
    }

    /// As it was written.
    public var description: String {
        switch self {
        case .file(let path): path
        case .address(let host, let port): "\(host):\(port)"
        }
    }
}

/// Metrics cannot be put where they are to be seen.
public struct MetricsRefusal: Error, Hashable, Sendable, CustomStringConvertible {
    /// One sentence: where, expected, found, remedy.
    public let description: String
}
