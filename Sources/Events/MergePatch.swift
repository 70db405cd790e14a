extension JSONValue {
    /// What has to be merged into `self` to make `other` of it (RFC 7396): changed members alone, null for members that are gone.
    public func mergePatch(to other: JSONValue) -> JSONValue {
        guard case .object(let before) = self, case .object(let after) = other else { return other }
        var patch: [String: JSONValue] = [:]
        for name in before.keys where after[name] == nil { patch[name] = .null }
        for (name, value) in after {
            guard let known = before[name] else {
                patch[name] = value
                continue
            }
            if known != value { patch[name] = known.mergePatch(to: value) }
        }
        return .object(patch)
    }

    /// `self` with `patch` merged into it (RFC 7396).
    public func merging(_ patch: JSONValue) -> JSONValue {
        guard case .object(let changes) = patch else { return patch }
        var members = object ?? [:]
        for (name, change) in changes { members[name] = change.isNull ? nil : (members[name] ?? .null).merging(change) }
        return .object(members)
    }
}
