public import Events

/// One choice of a schedule. The deliveries of the window are numbered from 0, in the order in which they happened outside.
public enum ExplorationMove: Hashable, Sendable {
    /// Time goes on to the moment at which the delivery happens outside. Nobody is told yet.
    case happens(Int, at: Timestamp)
    /// The delivery arrives, for the first time.
    case arrives(Int)
    /// The delivery arrives again.
    case repeats(Int)
    /// Time goes on, and whatever was due until then is done.
    case passes(until: Timestamp)
}

/// A move, and whether the process dies in the middle of it.
public struct ExplorationStep: Hashable, Sendable {
    /// The move.
    public var move: ExplorationMove
    /// After how many pieces of work the process dies, and starts again on what is stored; nil when it does not.
    public var dies: Int?

    /// A step.
    public init(_ move: ExplorationMove, dies: Int? = nil) { (self.move, self.dies) = (move, dies) }
}

/// The deliveries that an exploration is about.
public struct ExplorationWindow: Hashable, Sendable {
    /// One of them.
    public struct Delivery: Hashable, Sendable {
        /// What it is, for texts: the kind of its event.
        public var kind: String
        /// When it happens outside.
        public var at: Timestamp
        /// False when the recording says that it never arrives.
        public var arrives: Bool

        /// A delivery.
        public init(kind: String, at: Timestamp, arrives: Bool) { (self.kind, self.at, self.arrives) = (kind, at, arrives) }
    }

    /// In the order in which they happen.
    public var deliveries: [Delivery]
    /// How many of them have happened when the exploration begins.
    public var happened: Int

    /// A window.
    public init(deliveries: [Delivery], happened: Int) { (self.deliveries, self.happened) = (deliveries, happened) }
}

/// One of the two paths as an explorer drives it. States are numbered; two ways to the same number are the same from there on.
public protocol ExploredPath: AnyObject {
    /// The state in which the exploration begins.
    var start: Int { get }
    /// The state after a step, and how many pieces of work were done in it.
    func step(_ state: Int, _ step: ExplorationStep) async throws -> (state: Int, work: Int)
    /// The first moment at which the path, left to itself, has asked for what a delivery answers: the beginning of time for what nobody has
    /// to ask for, nil for never.
    func asks(for delivery: Int, from state: Int) async throws -> Timestamp?
    /// When the path does something by itself; nil for never.
    func nextDue(_ state: Int) -> Timestamp?
    /// What the entity amounts to when the rest of the recording is played from a state, and everything is done.
    func end(_ state: Int) async throws -> Observation
    /// What was done so far.
    var figures: ExplorationResult.Path { get }
}
