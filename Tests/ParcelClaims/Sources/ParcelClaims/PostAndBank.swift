import Foundation
package import Lockstep

/// The outside of live runs. Yours calls the bank and the mail; this one writes a file for each call into a folder, and a file that
/// exists is refused, as a bank refuses a payment whose key it knows.
package struct PostAndBank: EffectPort {
    let folder: String

    package init(folder: String) { self.folder = folder }

    package func kind(of operation: String) -> PartyKind { .refusesKnownKeys }

    package func perform(_ call: EffectCall) async throws(EffectError) -> JSONValue {
        do {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            try Data(call.request.canonicalText.utf8).write(to: file(call.key), options: .withoutOverwriting)
        } catch let error as CocoaError where error.code == .fileWriteFileExists {
            throw EffectError(.duplicate, vendorCode: "known", message: "\(call.key) was performed before")
        } catch {
            throw EffectError(.temporary, vendorCode: "folder", message: "\(call.key): \(error.localizedDescription)")
        }
        return [:]
    }

    package func reply(to key: EffectKey) async throws(EffectError) -> JSONValue? {
        FileManager.default.fileExists(atPath: file(key).path) ? [:] : nil
    }

    package func read(_ query: ReadQuery) async throws(EffectError) -> JSONValue { [:] }

    private func file(_ key: EffectKey) -> URL {
        URL(filePath: folder).appending(path: key.description.replacingOccurrences(of: "/", with: "-"))
    }
}
