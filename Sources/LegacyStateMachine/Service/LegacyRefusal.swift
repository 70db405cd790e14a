/// Why a legacy service did nothing. Its caller decides anew.
public enum LegacyRefusal: Error, Hashable, Sendable, CustomStringConvertible {
    /// The entity has moved since the version of the call; the view has the moves.
    case moved(LegacyView)
    /// The service was told of a later epoch.
    case stale(epoch: Int)
    /// The service has work of its own for the entity, for example a queued event; ask again.
    case busy(String)

    /// One sentence.
    public var description: String {
        switch self {
        case .moved(let view): "\(view.entity): the legacy service has moved it to version \(view.version); decide anew"
        case .stale(let epoch):
            "the legacy service was told of epoch \(epoch), expected none later than ours; somebody else has given it the entity"
        case .busy(let reason): "the legacy service is at work on it: \(reason)"
        }
    }
}

/// A legacy service that cannot be reached or is not well. The call may have been made; it is made again.
public struct LegacyUnreachable: Error, Hashable, Sendable, CustomStringConvertible {
    /// One sentence.
    public let description: String

    /// An error.
    public init(_ description: String) { self.description = description }
}

/// A legacy service that does not keep to the protocol. Another try would not help.
public struct LegacyFault: Error, Hashable, Sendable, CustomStringConvertible {
    /// One sentence: expected, found, remedy.
    public let description: String

    /// An error.
    public init(_ description: String) { self.description = description }
}
