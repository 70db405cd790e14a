import A2PLegacy
import A2PRegistration
import Events
import LegacyStateMachine
import Outcomes
import Testing

@Suite struct WireTests {
    private let at = Timestamp(milliseconds: 1_772_442_000_000)

    private func decode(_ source: EventSource, _ body: String) -> [DecodedMessage] {
        A2PDecoders.all.filter { $0.source == source }.flatMap { $0.decode(WireMessage(source: source, body: body, receivedAt: at)) }
    }

    private func event(_ source: EventSource, _ body: String) throws -> IncomingEvent {
        let decoded = decode(source, body)
        guard decoded.count == 1, case .event(let incoming) = decoded[0] else { throw TraceError("\(decoded)") }
        return incoming
    }

    private func reason(_ source: EventSource, _ body: String) -> DeadLetter.Reason? {
        guard case .deadLetter(let letter)? = decode(source, body).first else { return nil }
        return letter.reason
    }

    @Test func theRegistrysWebhook() throws {
        let incoming = try event(
            "tcr",
            #"{"eventType":"MNO_CAMPAIGN_OPERATION_REJECTED","campaignId":"C000001","mnoId":"10017","description":"CR4015; mail a@example.test"}"#
        )
        #expect(incoming.kind == "MNO_CAMPAIGN_OPERATION_REJECTED")
        #expect(incoming.reference == .external(["C000001"]))
        #expect(incoming.subject == "campaign/mno/10017")
        #expect(incoming.payload["mnoId"] == 10017)
        #expect(incoming.payload["reasons"] == ["CR4015"])
        #expect(incoming.payload["description"]?.string?.contains("@") == false)
    }

    @Test func ourOwnReferenceIsTheSurest() throws {
        let incoming = try event("tcr", #"{"eventType":"BRAND_ADD","brandId":"B1","brandReferenceId":"R-1"}"#)
        #expect(incoming.reference == .external(["R-1", "B1"]))
        #expect(try event("tcr", #"{"eventType":"BRAND_ADD","brandId":"B1","brandReferenceId":null}"#).reference == .external(["B1"]))
    }

    @Test func theSameDeliveryHasTheSameId() throws {
        let body = #"{"eventType":"BRAND_ADD","brandId":"B1"}"#
        #expect(try event("tcr", body).id == event("tcr", #"{ "brandId":"B1", "eventType":"BRAND_ADD" }"#).id)
    }

    @Test(arguments: [
        #"[{"id":"e1","type":"com.twilio.messaging.compliance.number-registration.failed","data":{"phonenumbersid":"PN1","failurereason":"30126"}}]"#,
        #"{"id":"e1","type":"com.twilio.messaging.compliance.number-registration.failed","data":{"phoneNumberSid":"PN1","failureReason":"30126"}}"#,
        #"[{"id":"e1","type":"com.twilio.messaging.compliance.number-registration.failed","data":"{\"phonenumbersid\":\"PN1\",\"failureReason\":\"30126\"}"}]"#,
    ]) func twiliosOddities(body: String) throws {
        let incoming = try event("twilio", body)
        #expect(incoming.id == "e1")
        #expect(incoming.kind == "number-registration.failed")
        #expect(incoming.payload["failureReason"] == "30126")
        #expect(incoming.reference == .external(["PN1"]))
    }

    @Test(arguments: ["success", "approved"]) func twiliosTwoWordsForYes(word: String) throws {
        let body =
            #"[{"id":"e","type":"com.twilio.messaging.compliance.campaign-registration.campaign-approved","data":{"campaignsid":"CM1","campaignregistrationstatus":"WORD"}}]"#
        #expect(try event("twilio", body.replacing("WORD", with: word)).payload["status"] == "approved")
    }

    @Test func anArrayIsSeveralEvents() {
        let one = #"{"id":"ID","type":"a.brand-verified","data":{"brandsid":"BN1"}}"#
        #expect(decode("twilio", "[\(one.replacing("ID", with: "1")),\(one.replacing("ID", with: "2")),{}]").count == 3)
    }

    @Test func telnyxHidesTheRegistrysId() throws {
        let body =
            #"{"data":{"event_type":"10dlc.campaign.update","id":"u1","occurred_at":"2026-03-02T09:00:00.000Z","payload":{"type":"TELNYX_REVIEW","status":"TELNYX_ACCEPTED","campaignId":"0000","description":"Campaign C00KD31 accepted"}},"meta":{"attempt":2}}"#
        let incoming = try event("telnyx", body)
        #expect(incoming.kind == "CAMPAIGN_SHARE_ACCEPT")
        #expect(incoming.reference == .external(["0000", "C00KD31"]))
    }

    @Test(arguments: [
        ("tcr", "{", DeadLetter.Reason.malformed), ("tcr", "[]", .malformed), ("tcr", #"{"eventType":"NEW"}"#, .unknownType),
        ("tcr", #"{"eventType":"BRAND_ADD","mock":true}"#, .mock), ("tcr", #"{"eventType":"registration.submit"}"#, .unknownType),
        ("twilio", "[]", .malformed), ("twilio", #"[{"id":"1","type":"x.y","data":{}}]"#, .unknownType),
        ("telnyx", #""text""#, .malformed), ("customer", #"{"id":"1","type":"registration.cancel"}"#, .malformed),
        ("customer", #"{"id":"1","type":"registration.explode","registration":"R-1"}"#, .unknownType),
    ]) func whatIsWrongIsKept(source: EventSource, body: String, expected: DeadLetter.Reason) { #expect(reason(source, body) == expected) }

    @Test(arguments: 0..<400) func noBytesCrash(seed: Int) {
        var random = SeededRandom(seed: UInt64(seed))
        let samples = [
            #"{"eventType":"BRAND_ADD","brandId":"B1","mnoId":10017,"description":"CR4015"}"#,
            #"[{"id":"e1","type":"a.brand-verified","data":{"brandsid":"BN1","updateddate":1772442000000}}]"#,
            #"{"data":{"event_type":"10dlc.brand.update","payload":{"type":"REGISTRATION","status":"VERIFIED"}}}"#,
            #"{"id":"1","type":"registration.submit","registration":"R-1","data":{"numbers":3}}"#,
        ]
        var bytes = Array((samples.randomElement(using: &random) ?? "").utf8)
        for _ in 0..<4 { bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random) }
        let body = String(decoding: bytes, as: UTF8.self)
        for decoder in A2PDecoders.all {
            #expect(!decoder.decode(WireMessage(source: decoder.source, body: body, receivedAt: at)).isEmpty)
        }
    }
}

@Suite struct A2PMachineTests {
    @Test func hasTheGuidesStatesAndMessages() {
        let description = A2PMachine.machine.description
        #expect(description.states.count == 39)
        #expect(description.events.count == 46)
        #expect(description.matrix.count == 39 * 46)
        #expect(description.count("handled") + description.count("ignored") + description.count("undefined") == 39 * 46)
    }

    @Test func everyMessageIsHandledSomewhereOrIgnoredOnPurpose() {
        let description = A2PMachine.machine.description
        for event in description.events {
            #expect(description.matrix.contains { $0.event == event && $0.kind != "undefined" }, "\(event)")
        }
    }

    @Test func legacyIgnoresTheVettingWithAReason() {
        for state in RegistrationState.allCases {
            for event in A2PMessages.vetting {
                #expect(A2PMachine.machine.cell(state, event) == .ignored(reason: "legacy has no step 5.2"))
            }
        }
    }

    @Test func everyStateCanBeReachedOrIsTheFirst() {
        let machine = A2PMachine.machine
        let reached = Set(
            machine.transitions.filter { $0.event != "support.override" }.flatMap { row in row.to + [row.exhausted].compactMap { $0 } })
        let orphans = Set(RegistrationState.allCases).subtracting(reached).subtracting([machine.initial])
        #expect(orphans == [.BRAND_APPEAL_PENDING], "only an appeal by support leads there")
    }

    @Test func idsAreDifferentAndStable() {
        let ids = Set((1...20_000).map { SyntheticIDs.brand(EntityID("R-\($0)")) })
        #expect(ids.count == 20_000)
        #expect(SyntheticIDs.brand("R-900033") == "BYIBOWM")
    }
}
