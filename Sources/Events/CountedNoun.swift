extension Int {
    /// The number with its noun, for a text that people read: `1 case`, `2 cases`; `many` is for a noun that takes more than an s.
    package func counted(_ one: String, _ many: String? = nil) -> String { "\(self) \(self == 1 ? one : many ?? one + "s")" }
}
