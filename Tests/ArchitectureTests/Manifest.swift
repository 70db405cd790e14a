import Foundation

/// What Package.swift declares, read as text.
struct Manifest {
    struct Target {
        var name: String
        var folder: String
        var isExecutable: Bool
        /// Targets and products, by name.
        var dependencies: Set<String>
    }

    var targets: [Target]
    /// Packages of others that are declared, and those of which a target names a product.
    var packages: Set<String>
    var usedPackages: Set<String>
    private var executables: [String: String]

    init(_ text: String) {
        let starts = text.matches(of: /\.(target|executableTarget|testTarget)\(\s*name: "([^"]+)"/)
        let ends = starts.dropFirst().map(\.range.lowerBound) + [text.endIndex]
        targets = zip(starts, ends).map { start, end in
            let declaration = text[start.range.lowerBound..<end]
            let name = String(start.output.2)
            let dependencies = declaration.firstMatch(of: /dependencies: \[([^\]]*)\]/).map { Self.names(String($0.output.1)) }
            let folder = declaration.firstMatch(of: /path: "([^"]+)"/).map { String($0.output.1) }
            return Target(
                name: name, folder: folder ?? (start.output.1 == "testTarget" ? "Tests/" : "Sources/") + name,
                isExecutable: start.output.1 == "executableTarget", dependencies: dependencies ?? [])
        }
        packages = Set(text.matches(of: /\.package\(url: "[^"]*\/([^"\/]+)"/).map { String($0.output.1) })
        usedPackages = Set(text.matches(of: /package: "([^"]+)"/).map { String($0.output.1) })
        let products = text.matches(of: /\.executable\(name: "([^"]+)", targets: \["([^"]+)"/)
        executables = Dictionary(products.map { (String($0.output.2), String($0.output.1)) }, uniquingKeysWith: { $1 })
    }

    /// The first text of each dependency is its name; the second one of a product is its package.
    private static func names(_ list: String) -> Set<String> {
        Set(list.replacing(/, package: "[^"]+"/, with: "").matches(of: /"([^"]+)"/).map { String($0.output.1) })
    }

    /// What does not fit between the dependencies of `target` and its files; empty when all does.
    func misfits(_ target: Target, _ files: [String]) -> [String] {
        let imports = Set(files.flatMap(Scanner.imports)).subtracting(toolchain).subtracting([target.name])
        let modules = Dictionary(target.dependencies.map { ($0.replacing("-", with: "_"), $0) }, uniquingKeysWith: { $1 })
        let undeclared = imports.filter { modules[$0] == nil }
        let unused = modules.filter { !imports.contains($0.key) && !isStarted($0.value, by: files) }.values
        return undeclared.map { "imports \($0), which Package.swift does not declare for it" }
            + unused.map { "declares \($0) in Package.swift, and no file imports it" }
    }

    /// True for an executable that a file names: it is built first, and then started as a process.
    private func isStarted(_ dependency: String, by files: [String]) -> Bool {
        guard targets.contains(where: { $0.name == dependency && $0.isExecutable }) else { return false }
        let program = (executables[dependency] ?? dependency) + "\""
        return files.contains { $0.contains("\"" + program) || $0.contains("/" + program) }
    }
}

/// Modules that come with the compiler or the system, which no manifest declares.
let toolchain: Set = [
    "Foundation", "FoundationEssentials", "FoundationNetworking", "Synchronization", "Dispatch", "Testing", "Glibc", "Darwin",
]

/// The import table of Architecture.md.
struct ImportTable {
    /// What each module may import.
    var rows: [String: Set<String>] = [:]

    init(_ page: String) {
        let section = page.components(between: "## Modules", and: "\n## ")
        for line in section.split(separator: "\n") where line.hasPrefix("| ") && !line.hasPrefix("| module ") {
            let cells = line.split(separator: "|").map { $0.trimmed }
            guard cells.count == 4 else { continue }
            rows[cells[0]] = Set(cells[2...].flatMap { $0.split(separator: ",").map(\.trimmed) }).subtracting(["–"])
        }
    }

    /// What `module` imports by way of others too.
    func reached(from module: String) -> Set<String> {
        var found: Set<String> = []
        var open = [module]
        while let next = open.popLast() {
            for other in rows[next] ?? [] where found.insert(other).inserted { open.append(other) }
        }
        return found
    }
}

extension StringProtocol {
    fileprivate var trimmed: String { trimmingCharacters(in: .whitespaces) }

    /// The text after `start`, up to `end` or its own end.
    fileprivate func components(between start: String, and end: String) -> String {
        guard let from = firstRange(of: start)?.upperBound else { return "" }
        let rest = self[from...]
        return String(rest[..<(rest.firstRange(of: end)?.lowerBound ?? rest.endIndex)])
    }
}
