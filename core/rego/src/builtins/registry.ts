import { AGGREGATE_BUILTINS } from "./aggregate-builtins.ts";
import { AWS_BUILTINS } from "./aws-builtins.ts";
import type { Builtin } from "./builtin.ts";
import { COLLECTION_BUILTINS } from "./collection-builtins.ts";
import { CRYPTO_BUILTINS } from "./crypto-builtins.ts";
import { DEBUGGING_BUILTINS } from "./debugging-builtins.ts";
import { ENCODING_BUILTINS } from "./encoding-builtins.ts";
import { GLOB_BUILTINS } from "./glob-builtins.ts";
import { GRAPH_BUILTINS } from "./graph-builtins.ts";
import { GRAPHQL_BUILTINS } from "./graphql-builtins.ts";
import { JSON_SCHEMA_BUILTINS } from "./json-schema-builtins.ts";
import { JWT_BUILTINS } from "./jwt-builtins.ts";
import { NET_BUILTINS } from "./net-builtins.ts";
import { NUMBER_BUILTINS } from "./number-builtins.ts";
import { OBJECT_BUILTINS } from "./object-builtins.ts";
import { REFUSED_BUILTINS } from "./refused-builtins.ts";
import { REGEX_BUILTINS } from "./regex-builtins.ts";
import { REGO_BUILTINS } from "./rego-builtins.ts";
import { RENDER_BUILTINS } from "./render-builtins.ts";
import { SEMVER_BUILTINS } from "./semver-builtins.ts";
import { SPRINTF_BUILTINS } from "./sprintf.ts";
import { STRING_BUILTINS } from "./string-builtins.ts";
import { TEMPLATE_BUILTINS } from "./template-builtins.ts";
import { TIME_BUILTINS } from "./time-builtins.ts";
import { TYPE_BUILTINS } from "./type-builtins.ts";
import { UNIT_BUILTINS } from "./unit-builtins.ts";
import { URI_BUILTINS } from "./uri-builtins.ts";
import { UUID_BUILTINS } from "./uuid-builtins.ts";
import { X509_BUILTINS } from "./x509-builtins.ts";

/** All builtins there are; capabilities say which of them a tier may use. */
export const BUILTINS: readonly Builtin[] = [
  ...AGGREGATE_BUILTINS,
  ...AWS_BUILTINS,
  ...COLLECTION_BUILTINS,
  ...CRYPTO_BUILTINS,
  ...DEBUGGING_BUILTINS,
  ...ENCODING_BUILTINS,
  ...GLOB_BUILTINS,
  ...GRAPH_BUILTINS,
  ...GRAPHQL_BUILTINS,
  ...JSON_SCHEMA_BUILTINS,
  ...JWT_BUILTINS,
  ...NET_BUILTINS,
  ...NUMBER_BUILTINS,
  ...OBJECT_BUILTINS,
  ...REFUSED_BUILTINS,
  ...REGEX_BUILTINS,
  ...REGO_BUILTINS,
  ...RENDER_BUILTINS,
  ...SEMVER_BUILTINS,
  ...SPRINTF_BUILTINS,
  ...STRING_BUILTINS,
  ...TEMPLATE_BUILTINS,
  ...TIME_BUILTINS,
  ...TYPE_BUILTINS,
  ...UNIT_BUILTINS,
  ...URI_BUILTINS,
  ...UUID_BUILTINS,
  ...X509_BUILTINS,
];
