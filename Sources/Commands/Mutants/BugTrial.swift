/// What came of a bug that was put in on purpose.
protocol BugTrial {
    /// Somebody found it.
    var isCaught: Bool { get }
    /// Something could be said of it: the recordings met it.
    var isMet: Bool { get }
}

extension Array where Element: BugTrial {
    /// Those of which something can be said.
    var expressible: [Element] { filter { $0.isMet || $0.isCaught } }
    var caught: [Element] { filter(\.isCaught) }
    var survivors: [Element] { filter { $0.isMet && !$0.isCaught } }
    /// Those of which nothing can be said.
    var unmet: [Element] { filter { !$0.isMet && !$0.isCaught } }
}
