import A2PRegistration
import Events
import Foundation
import LegacyStateMachine
import Outcomes
import Testing

/// One wire form and what it means: a canonical event, or a dead letter with its reason.
struct WireForm: Sendable, CustomTestStringConvertible {
    let name: String
    let value: JSONValue
    var testDescription: String { name }

    static let all: [WireForm] = ["tcr", "twilio", "telnyx"].flatMap { file in
        let path = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Gallery/\(file).jsonl")
        let lines = ((try? String(contentsOf: path, encoding: .utf8)) ?? "").split(separator: "\n")
        return lines.compactMap { try? JSONValue(parsing: String($0)) }.map { WireForm(name: $0["name"]?.string ?? "", value: $0) }
    }

    var decoded: [DecodedMessage] {
        let source = EventSource(value["source"]?.string ?? "")
        let body = value["body"]?.string ?? value["body"]?.canonicalText ?? ""
        let message = WireMessage(source: source, body: body, receivedAt: Timestamp(milliseconds: 1_772_442_000_000))
        return A2PDecoders.all.filter { $0.source == source }.flatMap { $0.decode(message) }
    }
}

@Suite struct GalleryTests {
    @Test func thereAreEnough() {
        #expect(WireForm.all.count > 400)
        #expect(WireForm.all.allSatisfy { $0.value["kind"] != nil || $0.value["reason"] != nil })
    }

    @Test(arguments: WireForm.all) func isReadAsTheTableSays(form: WireForm) throws {
        let decoded = form.decoded
        #expect(decoded.count == 1)
        switch decoded.first {
        case .event(let incoming):
            #expect(incoming.kind.rawValue == form.value["kind"]?.string, "\(incoming.kind)")
            for (name, value) in form.value["payload"]?.object ?? [:] {
                #expect(incoming.payload[name] ?? .null == value, "\(name)")
            }
            if let references = form.value["references"]?.array?.compactMap(\.string) {
                #expect(incoming.reference == .external(references))
            }
        case .deadLetter(let letter):
            #expect(letter.reason.rawValue == form.value["reason"]?.string, "\(letter.detail)")
            if let type = form.value["type"]?.string { #expect(letter.type == type) }
            #expect(!letter.body.contains("123456"), "a PIN is kept")
        case nil: Issue.record("nothing")
        }
    }

    /// Only the words for it verify a brand, whatever else a sender says.
    @Test func nothingVerifiesByDefault() {
        let words = ["PENDING", "OK", "SUCCESS", "ACTIVE", "APPROVED", "true", "1", "VERIFIED2", "NOT_VERIFIED", "", "null", "🍕"]
        for word in words {
            for body in [
                #"{"eventType":"BRAND_IDENTITY_STATUS_UPDATE","brandId":"B1","brandIdentityStatus":"W"}"#,
                #"[{"id":"e","type":"a.brand-registration.brand-changed","data":{"brandsid":"BN1","identitystatus":"W"}}]"#,
                #"{"data":{"event_type":"10dlc.brand.update","id":"1","payload":{"brandId":"b","identityStatus":"W"}}}"#,
                #"{"sid":"BN1","status":"APPROVED","identity_status":"W"}"#,
            ] {
                let form = body.replacing("\"W\"", with: "\"\(word)\"")
                for decoder in A2PDecoders.all {
                    let message = WireMessage(source: decoder.source, body: form, receivedAt: Timestamp(milliseconds: 1_772_442_000_000))
                    for case .event(let incoming) in decoder.decode(message) {
                        #expect(incoming.payload["identityStatus"] == nil, "\(form)")
                    }
                }
            }
        }
    }
}

@Suite struct CorpusTests {
    static let inputs: [(String, URL)] = FuzzProperties.targets.keys.sorted().flatMap { target in
        let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../Fuzz/Corpus/\(target)")
        let files = (try? FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)) ?? []
        return files.map { (target, $0) }
    }

    @Test func everyTargetHasACorpus() { #expect(Set(Self.inputs.map(\.0)) == Set(FuzzProperties.targets.keys)) }

    @Test func holdsForEveryInputOfTheCorpus() throws {
        for (target, file) in Self.inputs {
            let problem = FuzzProperties.targets[target]?([UInt8](try Data(contentsOf: file)))
            #expect(problem == nil, "\(target)/\(file.lastPathComponent)")
        }
    }

    @Test(arguments: 0..<40) func holdsForMutationsOfIt(seed: Int) throws {
        var random = SeededRandom(seed: UInt64(seed))
        for (target, file) in Self.inputs {
            var bytes = [UInt8](try Data(contentsOf: file))
            for _ in 0..<Int.random(in: 1...4, using: &random) where bytes.count > 1 {
                bytes[Int.random(in: 1..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            #expect(FuzzProperties.targets[target]?(bytes) == nil, "\(target)/\(file.lastPathComponent), seed \(seed)")
        }
    }
}
