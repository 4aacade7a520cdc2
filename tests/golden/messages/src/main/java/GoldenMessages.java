// Writes every message of Apache Kafka in every version with Kafka's own classes, as hex.
//
// Each message is filled by walking its schema, which lies in Kafka's jars:
//   full    every field of the version has a value that is not its default, arrays two elements;
//   sparse  what may be null is null, arrays are empty, tagged fields keep their defaults;
//   null    as sparse, and tagged fields are null that may be, where that makes a difference.
// Another line, `default`, is a new message of Kafka's with nothing set, where it can be written.
// The values come from a counter, so two runs write the same bytes.
//
// Output, one line each: NAME VERSION full|sparse|null|default HEX, in requests.hex, responses.hex, records.hex.

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.BinaryNode;
import com.fasterxml.jackson.databind.node.BooleanNode;
import com.fasterxml.jackson.databind.node.DoubleNode;
import com.fasterxml.jackson.databind.node.IntNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.LongNode;
import com.fasterxml.jackson.databind.node.NullNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.ShortNode;
import com.fasterxml.jackson.databind.node.TextNode;
import java.io.InputStream;
import java.lang.reflect.InvocationTargetException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.jar.JarFile;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.protocol.Message;
import org.apache.kafka.common.protocol.ObjectSerializationCache;

public class GoldenMessages {
    static final ObjectMapper JSON = new ObjectMapper().enable(JsonParser.Feature.ALLOW_COMMENTS);
    static final String[] PACKAGES = {
        "org.apache.kafka.common.message",
        "org.apache.kafka.common.metadata",
        "org.apache.kafka.coordinator.group.generated",
        "org.apache.kafka.coordinator.transaction.generated",
        "org.apache.kafka.coordinator.share.generated",
        "org.apache.kafka.raft.generated",
        "org.apache.kafka.server.log.remote.metadata.storage.generated",
    };

    public static void main(String[] args) throws Exception {
        Map<String, List<String>> files = new TreeMap<>();
        int refused = 0;
        for (JsonNode spec : specs().values()) {
            Versions valid = new Versions(spec.path("validVersions").asText());
            String kind = spec.get("type").asText();
            boolean isApi = kind.equals("request") || kind.equals("response");
            List<String> lines =
                files.computeIfAbsent(isApi ? kind + "s" : "records", key -> new ArrayList<>());
            String name = spec.get("name").asText();
            for (int version = valid.low; version <= valid.high; version++) {
                String sparse = "";
                for (Fill fill : Fill.values()) {
                    String line = name + " " + version + " " + fill.name().toLowerCase() + " ";
                    try {
                        byte[] bytes = new Filler(spec, version, fill).message();
                        String hex = HexFormat.of().formatHex(bytes);
                        if (fill != Fill.NULL || !hex.equals(sparse)) {
                            lines.add(line + hex);
                        }
                        sparse = hex;
                    } catch (InvocationTargetException error) {
                        refused++;
                        System.err.println(line + error.getCause());
                    }
                }
                try {
                    byte[] bytes = new Filler(spec, version, Fill.SPARSE).nothingSet();
                    lines.add(name + " " + version + " default " + HexFormat.of().formatHex(bytes));
                } catch (RuntimeException error) {
                    // Null in a field that must be set.
                }
            }
        }
        for (Map.Entry<String, List<String>> file : files.entrySet()) {
            Files.write(Path.of(args[0], file.getKey() + ".hex"), file.getValue());
            System.err.println(file.getKey() + ": " + file.getValue().size());
        }
        System.exit(refused == 0 ? 0 : 1);
    }

    /** All schemas in the jars on the class path, by name. */
    static Map<String, JsonNode> specs() throws Exception {
        Map<String, JsonNode> specs = new TreeMap<>();
        for (String name : PACKAGES) {
            String probe = switch (name.substring(name.indexOf("kafka.") + 6)) {
                case "common.message" -> "RequestHeaderData";
                case "common.metadata" -> "TopicRecord";
                case "coordinator.group.generated" -> "OffsetCommitKey";
                case "coordinator.transaction.generated" -> "TransactionLogKey";
                case "coordinator.share.generated" -> "ShareSnapshotKey";
                case "raft.generated" -> "QuorumStateData";
                default -> "ProducerSnapshot";
            };
            Class<?> type = Class.forName(name + "." + probe);
            Path jar = Path.of(type.getProtectionDomain().getCodeSource().getLocation().toURI());
            try (JarFile file = new JarFile(jar.toFile())) {
                var entries = file.entries();
                while (entries.hasMoreElements()) {
                    var entry = entries.nextElement();
                    if (!entry.getName().endsWith(".json") || !entry.getName().contains("me")) {
                        continue;
                    }
                    try (InputStream in = file.getInputStream(entry)) {
                        JsonNode spec = JSON.readTree(in);
                        if (spec.has("validVersions")) {
                            specs.put(spec.get("name").asText(), spec);
                        }
                    }
                }
            }
        }
        return specs;
    }

    enum Fill { FULL, SPARSE, NULL }

    /** Builds one message as JSON, turns it into Kafka's object and writes that. */
    static class Filler {
        final JsonNode spec;
        final int version;
        final boolean full;
        final boolean nullTags;
        final Map<String, JsonNode> structs = new HashMap<>();
        int counter = 0;

        Filler(JsonNode spec, int version, Fill fill) {
            this.spec = spec;
            this.version = version;
            this.full = fill == Fill.FULL;
            this.nullTags = fill == Fill.NULL;
            for (JsonNode struct : spec.path("commonStructs")) {
                structs.put(struct.get("name").asText(), struct.get("fields"));
            }
        }

        byte[] message() throws Exception {
            Object message = converter().getMethod("read", JsonNode.class, short.class)
                .invoke(null, struct(spec.get("fields")), (short) version);
            return write((Message) message);
        }

        byte[] nothingSet() throws Exception {
            String name = converter().getName().replace("JsonConverter", "");
            return write((Message) Class.forName(name).getConstructor().newInstance());
        }

        byte[] write(Message message) {
            ObjectSerializationCache cache = new ObjectSerializationCache();
            ByteBuffer buffer = ByteBuffer.allocate(message.size(cache, (short) version));
            message.write(new ByteBufferAccessor(buffer), cache, (short) version);
            if (buffer.hasRemaining()) {
                throw new AssertionError("a message wrote less than its size");
            }
            return buffer.array();
        }

        Class<?> converter() {
            String kind = spec.get("type").asText();
            boolean suffix = List.of("request", "response", "header").contains(kind);
            String name = spec.get("name").asText() + (suffix ? "Data" : "");
            Class<?> converter = null;
            for (String candidate : PACKAGES) {
                try {
                    converter = Class.forName(candidate + "." + name + "JsonConverter");
                } catch (ClassNotFoundException error) {
                    // The next package may have it.
                }
            }
            return converter;
        }

        ObjectNode struct(JsonNode fields) {
            ObjectNode object = JsonNodeFactory.instance.objectNode();
            for (JsonNode field : fields) {
                String type = field.get("type").asText();
                if (field.has("fields")) {
                    structs.put(type.replace("[]", ""), field.get("fields"));
                }
                String tagged = field.path("taggedVersions").asText("none");
                String versions = field.path("versions").asText(tagged);
                if (!new Versions(versions).contains(version)) {
                    continue;
                }
                boolean isTagged = new Versions(tagged).contains(version);
                boolean isNullable =
                    new Versions(field.path("nullableVersions").asText("none")).contains(version);
                if (isTagged && !full && !(nullTags && isNullable)) {
                    continue;
                }
                String name = field.get("name").asText();
                name = name.substring(0, 1).toLowerCase() + name.substring(1);
                JsonNode value = isNullable && !full ? NullNode.instance : value(field, type);
                object.set(name, value);
            }
            return object;
        }

        JsonNode value(JsonNode field, String type) {
            if (type.startsWith("[]")) {
                ArrayNode array = JsonNodeFactory.instance.arrayNode();
                for (int index = 0; full && index < 2; index++) {
                    array.add(value(field, type.substring(2)));
                }
                return array;
            }
            int n = ++counter;
            switch (type) {
                case "bool": return BooleanNode.valueOf(!field.path("default").asText().equals("true"));
                case "int8": return ShortNode.valueOf((short) (n % 100 + 4));
                case "int16": return ShortNode.valueOf((short) (n % 100 + 4));
                case "uint16": return IntNode.valueOf(50_000 + n);
                case "int32": return IntNode.valueOf(100_000 * n + 7);
                case "uint32": return LongNode.valueOf(4_000_000_000L + n);
                case "int64": return LongNode.valueOf(10_000_000_000L * n + 9);
                case "float64": return DoubleNode.valueOf(n + 0.25);
                case "uuid": return TextNode.valueOf(new Uuid(0x1111_2222_3333_4444L, n).toString());
                case "string": return TextNode.valueOf(n % 7 == 3 ? "ä".repeat(80) + n : "text" + n);
                case "bytes":
                case "records":
                    byte[] bytes = new byte[n % 5 == 1 ? 150 : n % 5];
                    java.util.Arrays.fill(bytes, (byte) n);
                    return BinaryNode.valueOf(bytes);
                default: return struct(structs.get(type));
            }
        }
    }

    /** `3`, `0-5`, `2+` or `none`. */
    static class Versions {
        final int low;
        final int high;

        Versions(String text) {
            if (text.equals("none") || text.isEmpty()) {
                low = 0;
                high = -1;
            } else if (text.endsWith("+")) {
                low = Integer.parseInt(text.substring(0, text.length() - 1));
                high = Short.MAX_VALUE;
            } else {
                String[] ends = text.split("-");
                low = Integer.parseInt(ends[0]);
                high = Integer.parseInt(ends[ends.length - 1]);
            }
        }

        boolean contains(int version) {
            return low <= version && version <= high;
        }
    }
}
