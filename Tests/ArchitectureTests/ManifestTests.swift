import Foundation
import Testing

/// The import table of Architecture.md, the imports and the manifest are one table.
@Suite struct ManifestTests {
    /// What a module must not reach, not even by way of others. A port lives with the module that needs it; an adapter implements it.
    private static let never = [
        ("LegacyStateMachine", "DurableWorkflow"), ("DurableWorkflow", "LegacyStateMachine"), ("HybridRouter", "LegacyStateMachine"),
        ("HybridRouter", "DurableWorkflow"), ("ShadowComparator", "LegacyStateMachine"), ("ShadowComparator", "DurableWorkflow"),
        ("Commands", "A2PRegistration"), ("A2PRetired", "A2PLegacy"), ("A2PRegistration", "A2PLegacy"),
        ("Bridge", "SQLiteStorage"), ("Lockstep", "Commands"),
    ]

    private func manifest() throws -> Manifest { Manifest(try Checkout.text("Package.swift")) }
    private func table() throws -> ImportTable {
        ImportTable(try Checkout.text("Sources/Bridge/Documentation.docc/Architecture.md"))
    }

    @Test func whatIsDeclaredIsImportedAndWhatIsImportedIsDeclared() throws {
        let manifest = try manifest()
        #expect(manifest.targets.count > 40)
        for target in manifest.targets {
            let files = try Checkout.files(target.folder, ".swift").map(Checkout.text)
            #expect(manifest.misfits(target, files).isEmpty, "\(target.name)")
        }
        #expect(manifest.packages == manifest.usedPackages)
    }

    @Test func theTableSaysWhatIsImported() throws {
        let (manifest, table) = (try manifest(), try table())
        let modules = manifest.targets.filter { !$0.folder.hasPrefix("Tests/") }
        #expect(Set(table.rows.keys) == Set(modules.map(\.name)), "every module has a row in Architecture.md")
        let folders = try FileManager.default.contentsOfDirectory(atPath: Checkout.root.appending(path: "Sources").path)
        #expect(Set(folders).isSubset(of: table.rows.keys), "every folder of Sources is a target")
        for module in modules {
            let imports = Set(try Checkout.files(module.folder, ".swift").flatMap { Scanner.imports(try Checkout.text($0)) })
            let row = table.rows[module.name] ?? []
            #expect(
                imports.subtracting(["Glibc", "Darwin"]) == row,
                "\(module.name): move the code, put a port between, or change its row in Architecture.md")
            #expect(row.subtracting(toolchain) == module.dependencies, "\(module.name): its row and Package.swift differ")
        }
    }

    @Test func nothingReachesWhatItMustNot() throws {
        let table = try table()
        for (module, other) in Self.never {
            #expect(table.rows[module] != nil)
            #expect(!table.reached(from: module).contains(other), "\(module) must not reach \(other), not by way of others either")
        }
    }
}

/// The rules find what they are for.
@Suite struct ManifestRuleTests {
    private let manifest = Manifest(
        """
        products: [.executable(name: "tool", targets: ["Tool"])],
        dependencies: [.package(url: "https://example.test/swift-things", from: "1.0.0")],
        targets: [
            .target(name: "Low"),
            .target(
                name: "High", dependencies: ["Low", .product(name: "Things", package: "swift-things")], path: "Elsewhere"),
            .executableTarget(name: "Tool", dependencies: ["High"]),
            .testTarget(name: "HighTests", dependencies: ["High", "Tool"]),
        ]
        """)

    private func misfits(_ target: Int, _ files: String...) -> [String] { manifest.misfits(manifest.targets[target], files).sorted() }

    @Test func targets() {
        #expect(manifest.targets.map(\.name) == ["Low", "High", "Tool", "HighTests"])
        #expect(manifest.targets.map(\.folder) == ["Sources/Low", "Elsewhere", "Sources/Tool", "Tests/HighTests"])
        #expect(manifest.targets.map(\.dependencies) == [[], ["Low", "Things"], ["High"], ["High", "Tool"]])
        #expect(manifest.packages == ["swift-things"] && manifest.usedPackages == ["swift-things"])
    }

    @Test func aFittingTarget() { #expect(misfits(1, "public import Low\nimport Foundation\n", "import Things\n").isEmpty) }

    @Test func aDependencyThatNobodyImports() {
        #expect(misfits(1, "import Low\n") == ["declares Things in Package.swift, and no file imports it"])
    }

    @Test func anImportThatIsNotDeclared() {
        #expect(misfits(0, "import struct Other.Type\n") == ["imports Other, which Package.swift does not declare for it"])
    }

    @Test func anExecutableIsBuiltToBeStarted() {
        #expect(misfits(3, "import High\nlet program = \"tool\"\n").isEmpty)
        #expect(misfits(3, "import High\n") == ["declares Tool in Package.swift, and no file imports it"])
    }

    @Test func rowsOfATable() {
        let table = ImportTable(
            "# Page\n\n## Modules\n\n| module | what |\n|---|---|\n| A | a, b | B, C | D |\n| B | b | E | – |\n## Next\n| F | f | G | – |\n"
        )
        #expect(table.rows == ["A": ["B", "C", "D"], "B": ["E"]])
        #expect(table.reached(from: "A") == ["B", "C", "D", "E"])
    }
}
