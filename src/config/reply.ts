// Reply rules: attributes by name and value become the attributes of a packet, once, at start.

import { encodeAttribute, encodeVlan } from "../wire/radius/dictionary.ts";
import type { ReplyAttribute, ReplyRule } from "./config.ts";
import type { Path, Report } from "./problem.ts";
import type { RawClient } from "./schema.ts";

type RawRule = RawClient["reply"][number];

export function buildReply(raws: readonly RawRule[], at: Path, report: Report): ReplyRule[] {
  return raws.map((raw, index) => ({
    group: raw.group,
    attributes: encodeRule(raw, [...at, index], report),
  }));
}

function encodeRule(raw: RawRule, at: Path, report: Report): readonly ReplyAttribute[] {
  if ((raw.vlan === undefined) === (raw.attributes === undefined)) {
    report.problem(at, "must have either vlan or attributes; use two rules for both");
    return [];
  }
  if (raw.tag !== undefined && raw.vlan === undefined) {
    report.problem(
      [...at, "tag"],
      "belongs to vlan; elsewhere write it behind a name: Tunnel-Type:1",
    );
    return [];
  }
  if (raw.vlan !== undefined) {
    const encoded = encodeVlan(raw.vlan, raw.tag);
    if ("attributes" in encoded) return encoded.attributes;
    report.problem([...at, "vlan"], encoded.problem);
    return [];
  }
  const attributes: ReplyAttribute[] = [];
  for (const [name, given] of Object.entries(raw.attributes ?? {})) {
    for (const value of Array.isArray(given) ? given : [given]) {
      const encoded = encodeAttribute(name, value);
      if ("attribute" in encoded) attributes.push(encoded.attribute);
      else report.problem([...at, "attributes", name], encoded.problem);
    }
  }
  return attributes;
}
