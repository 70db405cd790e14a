public import Events
import Outcomes
public import ShadowComparator

/// A member of two requests that is not the same in both, or the whole of what differs when it has no members. Nothing personal is shown.
public struct DifferingMember: Codable, Hashable, Sendable {
    /// The member's name; members within members have dots between. Empty for a value that has none.
    public var name: String
    /// What it is for the control; nil when it has none.
    public var control: JSONValue?
    /// What it is for the candidate; nil when it has none.
    public var candidate: JSONValue?
}

extension Difference {
    /// The members that differ, by name, with what is personal taken out. Two that differ in what is taken out look the same.
    public var members: [DifferingMember] {
        let (left, right) = (Self.flat(control), Self.flat(candidate))
        return Set(left.keys).union(right.keys).sorted().filter { left[$0] != right[$0] }.map { name in
            DifferingMember(name: name, control: Self.shown(left[name], name), candidate: Self.shown(right[name], name))
        }
    }

    /// Members by name, objects within objects taken apart.
    private static func flat(_ value: JSONValue?, _ name: String = "") -> [String: JSONValue] {
        guard let value else { return [:] }
        guard let members = value.object, !members.isEmpty else { return [name: value] }
        return members.reduce(into: [:]) { all, member in
            all.merge(flat(member.value, name.isEmpty ? member.key : "\(name).\(member.key)")) { $1 }
        }
    }

    /// Redaction knows a member by its name and by the names of those that it is in.
    private static func shown(_ value: JSONValue?, _ name: String) -> JSONValue? {
        guard let value else { return nil }
        let names = name.split(separator: ".").map(String.init)
        let body = Redaction.body(names.reversed().reduce(value) { .object([$1: $0]) })
        return names.reduce(body) { value, _ in value.object?.values.first ?? value }
    }
}

extension DifferingMember {
    /// `amountCents: legacy 4000, hybrid 5000`
    func text(_ left: String, _ right: String, of kind: Difference.Kind) -> String {
        let values = [(left, control), (right, candidate)].compactMap { path, value in
            value.map { "\(path) \(kind == .order ? "after " : "")\($0.canonicalText)" } ?? (kind == .order ? "\(path) first" : nil)
        }
        let hint = control != nil && control == candidate ? "; they differ in what is not shown" : ""
        return (name.isEmpty ? "" : "\(name): ") + values.joined(separator: ", ") + hint
    }
}
