import Cutover
import Events
import FoundationEssentials
import LegacyStateMachine

/// Names what a comparison judges: this program as it was built, and its machine's table.
enum BuildIdentity {
    /// What is judged when this program runs `plan`.
    static func version(of app: some Application, plan: MigrationPlan) throws -> EvidenceVersion {
        EvidenceVersion(build: try build(), machine: try machine(app.machineDescription), plan: plan)
    }

    /// A digest of the executable file: two programs of one build are equal, byte for byte.
    private static func build() throws -> String {
        let file = AppFiles.executable
        guard let bytes = try? Data(contentsOf: file, options: .mappedIfSafe) else {
            throw CommandFailure(
                .environment, "\(file.path): expected the program's own file, found none that can be read; install it anew")
        }
        return String(digest(bytes), radix: 16)
    }

    private static func machine(_ description: MachineDescription) throws -> String {
        StableHash.hexadecimal(try JSONValue(encoding: description).canonicalText)
    }

    /// Eight bytes at a time: an executable has a hundred million.
    static func digest(_ bytes: Data) -> UInt64 {
        bytes.withUnsafeBytes { raw in
            var hash = 0xCBF2_9CE4_8422_2325 ^ UInt64(raw.count)
            for place in stride(from: 0, to: raw.count & ~7, by: 8) {
                hash = (hash ^ UInt64(littleEndian: raw.loadUnaligned(fromByteOffset: place, as: UInt64.self))) &* 0x9E37_79B9_7F4A_7C15
                hash ^= hash >> 29
            }
            for byte in raw[(raw.count & ~7)...] { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
            return hash ^ (hash >> 32)
        }
    }
}
