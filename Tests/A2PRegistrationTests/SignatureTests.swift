import A2PRegistration
import Crypto
import Events
import Foundation
import Outcomes
import Testing

@Suite struct SignatureTests {
    private let at = Timestamp(milliseconds: 1_772_442_000_000)

    private func reason(_ decoder: any WireDecoder, _ message: WireMessage) -> DeadLetter.Reason? {
        guard case .deadLetter(let letter)? = decoder.decode(message).first else { return nil }
        return letter.reason
    }

    private func twilio(_ url: String, _ body: String, _ signature: String) -> WireMessage {
        WireMessage(
            source: "twilio", bytes: Array(body.utf8), headers: ["X-Twilio-Signature": signature], url: url, receivedAt: at)
    }

    private static let form = "CallSid=CA1234567890ABCDE&Caller=%2B14158675309&Digits=1234&From=%2B14158675309&To=%2B18005551212"

    /// Vectors that Twilio publishes under the MIT licence.
    @Test(arguments: [
        ("https://mycompany.com/myapp.php?foo=1&bar=2", form, "RSOYDt4T1cUTdK1PDd93/VVr8B8="),
        ("https://mycompany.com/myapp.php?foo=1&bar=2", form, "kvajT1Ptam85bY51eRf/AJRuM3w="),
        ("https://mycompany.com:443/myapp.php?foo=1&bar=2", form, "RSOYDt4T1cUTdK1PDd93/VVr8B8="),
        ("http://mycompany.com/myapp.php?foo=1&bar=2", form, "0ZXoZLH/DfblKGATFgpif+LLRf4="),
        ("http://mycompany.com:1234/myapp.php?foo=1&bar=2", form, "Zmvh+3yNM1Phv2jhDCwEM3q5ebU="),
        (
            "https://mycompany.com/myapp.php?foo=1&bar=2", "Sid=CA123&SidAccount=AC123&Digits=5678&Digits=1234&Digits=1234",
            "IK+Dwps556ElfBT0I3Rgjkr1wJU="
        ),
        (
            "https://mycompany.com/myapp.php?foo=1&bar=2&bodySHA256=0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620",
            #"{"property": "value", "boolean": true}"#, "a9nBmqA0ju/hNViExpshrM61xv4="
        ),
        (
            "https://mycompany.com/myapp.php?foo=1&bar=2&bodySHA256=44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a", "{}",
            "Ldidvp12m26NI7eqEvxnEpkd9Hc="
        ),
    ]) func twiliosVectors(url: String, body: String, signature: String) {
        let decoder = TwilioDecoder(authToken: "12345")
        #expect(reason(decoder, twilio(url, body, signature)) != .signature)
        #expect(reason(decoder, twilio(url, body + " ", signature)) == .signature)
        #expect(reason(decoder, twilio(url + "x", body, signature)) == .signature)
        #expect(reason(TwilioDecoder(authToken: "12346"), twilio(url, body, signature)) == .signature)
        #expect(reason(decoder, WireMessage(source: "twilio", body: body, receivedAt: at)) == .signature)
    }

    @Test func theRegistrysSignatureCoversTheCanonicalBody() {
        let body =
            #"{"mock":false, "brandId":"BFHXANR","brandName":"Owl Demo LLC","brandReferenceId":"Q-29393332","campaignId":"CRMKK5Y","campaignReferenceId":"C-00388","cspId":"SABC123","cspName":"ACME","eventType":"MNO_CAMPAIGN_OPERATION_SUSPENDED","mnoId":10017,"mnoName":"AT&T"}"#
        func message(_ body: String, _ signature: String = "6kHpHb91b8JRLUucOTFUo+YfiH4=") -> WireMessage {
            WireMessage(
                source: "tcr", bytes: Array(body.utf8), headers: ["x-registry-signature": signature],
                url: "https://hooks.example.test/tcr/campaigns", receivedAt: at)
        }
        let decoder = TCRDecoder(secret: "demo-secret-not-real")
        #expect(reason(decoder, message(body)) == nil)
        #expect(reason(decoder, message(body.replacing("10017", with: "10035"))) == .signature)
        #expect(reason(decoder, message(body, "")) == .signature)
        #expect(reason(TCRDecoder(secret: "another"), message(body)) == .signature)
    }

    @Test func telnyxSignsTimeAndBody() throws {
        let key = Curve25519.Signing.PrivateKey()
        let body =
            #"{"data":{"event_type":"10dlc.brand.update","id":"u1","payload":{"status":"OK","identityStatus":"VERIFIED","brandId":"b"}}}"#
        func message(_ body: String, at sent: Timestamp) throws -> WireMessage {
            let time = String(sent.milliseconds / 1000)
            let signature = try key.signature(for: Data("\(time)|\(body)".utf8)).base64EncodedString()
            return WireMessage(
                source: "telnyx", bytes: Array(body.utf8),
                headers: ["telnyx-signature-ed25519": signature, "telnyx-timestamp": time], receivedAt: at)
        }
        let decoder = TelnyxDecoder(publicKey: key.publicKey.rawRepresentation.base64EncodedString())
        #expect(reason(decoder, try message(body, at: at)) == nil)
        #expect(reason(decoder, try message(body, at: at + .minutes(-6))) == .signature, "a replay")
        #expect(reason(decoder, try message(body, at: at + .minutes(6))) == .signature)
        var changed = try message(body, at: at)
        changed.bytes[30] ^= 1
        #expect(reason(decoder, changed) == .signature)
        #expect(reason(TelnyxDecoder(publicKey: "short"), try message(body, at: at)) == .signature)
    }
}
