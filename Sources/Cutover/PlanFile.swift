import HybridRouter
import Outcomes
import ShadowComparator
import Yams

extension MigrationPlan {
    /// The most bytes that a plan file may have.
    public static let mostBytes = 1 << 18

    /// Reads a plan from YAML; `file` is its name for errors, which say file and line.
    public init(yaml: String, file: String) throws(PlanError) {
        let reader = PlanReader(file: file)
        try reader.requireModest(yaml)
        self = try reader.plan(try reader.compose(yaml))
    }
}

/// Reads the nodes of a plan file and knows the line of everything it refuses.
struct PlanReader {
    let file: String

    /// The deepest that a plan nests is 4; the parser calls itself at every level.
    private static let deepest = 32

    /// The most aliases of a plan. A condition is often named ten times; of sixteen, naming what names what names them makes some hundred
    /// nodes, and not billions.
    private static let mostAliases = 16

    /// Refuses a text that is too long, nested too deep or full of aliases, before the parser spends memory and stack on it.
    func requireModest(_ yaml: String) throws(PlanError) {
        guard yaml.utf8.count <= MigrationPlan.mostBytes else {
            throw refusal(line: 1, expected: "at most \(MigrationPlan.mostBytes) bytes", found: "\(yaml.utf8.count)")
        }
        var (depth, aliases) = (0, 0)
        for (index, line) in yaml.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            for byte in line.utf8 {
                if byte == UInt8(ascii: "[") || byte == UInt8(ascii: "{") { depth += 1 }
                if byte == UInt8(ascii: "]") || byte == UInt8(ascii: "}") { depth = max(0, depth - 1) }
                guard depth <= Self.deepest else { throw tooDeep(index) }
            }
            aliases += Self.aliases(in: line)
            guard aliases <= Self.mostAliases else {
                throw refusal(line: index + 1, expected: "at most \(Self.mostAliases) aliases", found: "more")
            }
            let indent = line.utf8.prefix { [UInt8(ascii: " "), UInt8(ascii: "-"), UInt8(ascii: "?")].contains($0) }
            guard indent.count <= 4 * Self.deepest else { throw tooDeep(index) }
        }
    }

    /// How often an asterisk begins a name, where a value may begin.
    private static func aliases(in line: Substring) -> Int {
        var previous = UInt8(ascii: " ")
        var count = 0
        for (byte, next) in zip(line.utf8, line.utf8.dropFirst()) {
            let mayBegin = " \t[{,:".utf8.contains(previous)
            let isName = (0x30...0x39).contains(next) || (0x41...0x5A).contains(next & 0xDF) || next == UInt8(ascii: "_") || next == 0x2D
            if byte == UInt8(ascii: "*"), mayBegin, isName { count += 1 }
            previous = byte
        }
        return count
    }

    private func tooDeep(_ index: Int) -> PlanError {
        refusal(line: index + 1, expected: "at most \(Self.deepest) levels of nesting", found: "more")
    }

    func compose(_ yaml: String) throws(PlanError) -> Node {
        let node: Node?
        do { node = try Yams.compose(yaml: yaml) } catch { throw unreadable(error) }
        guard let node else { throw refusal(line: 1, expected: "a plan", found: "an empty file") }
        return node
    }

    private func unreadable(_ error: any Error) -> PlanError {
        switch error as? YamlError {
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _), .composer(_, let problem, let mark, _):
            return refusal(line: mark.line, expected: "YAML", found: "an error: \(problem)")
        case .duplicatedKeysInMapping(let duplicates, let context):
            let names = duplicates.sorted().map { "'\($0)'" }.joined(separator: ", ")
            return refusal(line: context.mark.line, expected: "every key once", found: "\(names) twice")
        default: return refusal(line: 1, expected: "YAML in UTF-8", found: "something else")
        }
    }

    func plan(_ root: Node) throws(PlanError) -> MigrationPlan {
        let members = try mapping(root, keys: ["plan", "version", "interrupts", "steps"], of: "a plan")
        let name = try text(members["plan"], "plan", root)
        guard let version = Int(try text(members["version"], "version", root)), version > 0 else {
            throw refusal(members["version"] ?? root, expected: "version as a whole number from 1")
        }
        guard let list = members["steps"]?.sequence, !list.isEmpty else {
            throw refusal(members["steps"] ?? root, expected: "steps as a list with at least one step")
        }
        var steps: [PlannedStep] = []
        for node in list {
            let step = try step(node)
            if let last = steps.last, step.number <= last.number {
                let again = step.number == last.number ? " again" : ""
                throw refusal(node, expected: "a step after \(last.number)", found: "step \(step.number)\(again)")
            }
            steps.append(step)
        }
        return MigrationPlan(name: name, version: version, steps: steps, interrupts: try interrupts(members["interrupts"]))
    }

    private func interrupts(_ node: Node?) throws(PlanError) -> Owner {
        guard let node else { return .legacy }
        guard let owner = node.string.flatMap(Owner.init(rawValue:)) else {
            throw refusal(node, expected: "'interrupts' as legacy or durable")
        }
        return owner
    }

    private func step(_ node: Node) throws(PlanError) -> PlannedStep {
        let keys: Set = ["step", "title", "stage", "shadow", "added", "retroactive", "announces", "intends", "ignores", "survives"]
        try refuseWildcards(node)
        let members = try mapping(node, keys: keys, of: "a step")
        let number = try text(members["step"], "step", node)
        guard let step = StepNumber(number) else {
            throw refusal(members["step"] ?? node, expected: "a step number like 5.2", found: "'\(number)'")
        }
        let stageText = try text(members["stage"], "stage", node)
        guard let stage = Stage(stageText) else {
            throw refusal(
                members["stage"] ?? node, expected: "stage legacy, shadow, canary N (0 to 100), durable or retired", found: "'\(stageText)'"
            )
        }
        return PlannedStep(
            number: step, title: try text(members["title"], "title", node), stage: stage, isAdded: try flag(members["added"], "added"),
            isFollowed: try isFollowed(members["shadow"]), isRetroactive: try flag(members["retroactive"], "retroactive"),
            announces: try list(members["announces"], "announces") { node throws(PlanError) in try announcement(node, of: step) },
            rules: try list(members["intends"], "intends") { node throws(PlanError) in try rule(.intended, node, of: step) }
                + list(members["ignores"], "ignores") { node throws(PlanError) in try rule(.ignored, node, of: step) },
            survivors: try list(members["survives"], "survives", survivor))
    }

    private func isFollowed(_ node: Node?) throws(PlanError) -> Bool {
        guard let node else { return false }
        guard node.string == Owner.legacy.rawValue else {
            throw refusal(
                node, expected: "'shadow' as legacy, which follows where durable runs a step; durable code follows on stage shadow")
        }
        return true
    }

    /// The form of earlier versions: it would let a fee that is charged twice pass.
    private func refuseWildcards(_ node: Node) throws(PlanError) {
        guard let old = node.mapping?["expects"] else { return }
        throw refusal(
            old, expected: "'announces', one entry for each effect and fact with its count and condition",
            found: "'expects', whose wildcards explain whatever a step does")
    }

    func list<Element>(
        _ node: Node?, _ name: String, _ read: (Node) throws(PlanError) -> Element
    ) throws(PlanError) -> [Element] {
        guard let node else { return [] }
        guard let nodes = node.sequence else { throw refusal(node, expected: "'\(name)' as a list") }
        var elements: [Element] = []
        for node in nodes { elements.append(try read(node)) }
        return elements
    }

    func mapping(_ node: Node, keys: Set<String>, of what: String) throws(PlanError) -> [String: Node] {
        guard let mapping = node.mapping else { throw refusal(node, expected: "\(what) as a mapping") }
        var members: [String: Node] = [:]
        for (key, value) in mapping {
            let name = key.string ?? ""
            guard keys.contains(name) else {
                throw refusal(key, expected: "\(what) with \(keys.sorted().joined(separator: ", "))", found: "'\(name)'")
            }
            members[name] = value
        }
        return members
    }

    func text(_ node: Node?, _ name: String, _ parent: Node) throws(PlanError) -> String {
        guard let node else { throw refusal(parent, expected: "'\(name)'", found: "none") }
        guard let scalar = node.scalar, !scalar.string.isEmpty else { throw refusal(node, expected: "'\(name)' as a text") }
        return scalar.string
    }

    private func flag(_ node: Node?, _ name: String) throws(PlanError) -> Bool {
        guard let node else { return false }
        guard let value = node.bool else { throw refusal(node, expected: "'\(name)' as true or false") }
        return value
    }

    func refusal(_ node: Node, expected: String, found: String? = nil) -> PlanError {
        refusal(line: node.mark?.line ?? 1, expected: expected, found: found ?? Self.shape(node))
    }

    private func refusal(line: Int, expected: String, found: String) -> PlanError {
        PlanError("\(file):\(line): expected \(expected), found \(found); correct the plan")
    }

    private static func shape(_ node: Node) -> String {
        switch node {
        case .scalar(let scalar): scalar.string.isEmpty ? "nothing" : "'\(scalar.string)'"
        case .mapping: "a mapping"
        case .sequence(let list): list.isEmpty ? "an empty list" : "a list"
        case .alias: "an alias"
        }
    }
}
