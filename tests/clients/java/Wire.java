//! Sends requests written as JSON and prints the answers as JSON, with Apache Kafka's own classes.
//!
//! Room:       `tests/clients`, run as a single source file with Kafka's jars.
//! Called by:  the suite `admin-wire`.
//! Calls:      kafka-clients' message classes and their JSON converters.
//! Never:      interprets an answer.
//!
//!   java -cp 'libs/*' Wire.java HOST:PORT < requests
//!
//! A request is a line `Api VERSION JSON`; its answer is one line, or `closed` when the broker ended
//! the connection. A line `new` opens a new connection.

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.DataInputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.Socket;
import java.nio.ByteBuffer;
import org.apache.kafka.common.message.RequestHeaderData;
import org.apache.kafka.common.message.ResponseHeaderData;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.protocol.MessageUtil;
import org.apache.kafka.common.protocol.ObjectSerializationCache;
import org.apache.kafka.common.protocol.Readable;

public class Wire {
    static final String MESSAGES = "org.apache.kafka.common.message.";
    static final ObjectMapper JSON = new ObjectMapper();
    static String host;
    static int port;
    static Socket socket;

    public static void main(String[] arguments) throws Exception {
        int colon = arguments[0].lastIndexOf(':');
        host = arguments[0].substring(0, colon);
        port = Integer.parseInt(arguments[0].substring(colon + 1));
        socket = new Socket(host, port);
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
        for (String line; (line = lines.readLine()) != null; ) {
            if (line.isBlank() || line.startsWith("#")) {
                continue;
            }
            if (line.equals("new")) {
                socket.close();
                socket = new Socket(host, port);
                continue;
            }
            String[] parts = line.split(" ", 3);
            System.out.println(ask(parts[0], Short.parseShort(parts[1]), JSON.readTree(parts[2])));
        }
    }

    static String ask(String api, short version, JsonNode body) throws Exception {
        Class<?> converter = Class.forName(MESSAGES + api + "RequestDataJsonConverter");
        ApiMessage request = (ApiMessage)
            converter.getMethod("read", JsonNode.class, short.class).invoke(null, body, version);
        ApiKeys key = ApiKeys.forId(request.apiKey());
        RequestHeaderData header = new RequestHeaderData().setRequestApiKey(key.id)
            .setRequestApiVersion(version).setCorrelationId(7).setClientId("wire");
        ByteBuffer head = MessageUtil.toByteBufferAccessor(header,
            key.requestHeaderVersion(version)).buffer();
        ByteBuffer sent = MessageUtil.toByteBufferAccessor(request, version).buffer();
        ByteBuffer out = ByteBuffer.allocate(4 + head.remaining() + sent.remaining());
        out.putInt(head.remaining() + sent.remaining()).put(head).put(sent);
        try {
            socket.getOutputStream().write(out.array());
            DataInputStream in = new DataInputStream(socket.getInputStream());
            byte[] bytes = new byte[in.readInt()];
            in.readFully(bytes);
            Readable readable = new ByteBufferAccessor(ByteBuffer.wrap(bytes));
            new ResponseHeaderData(readable, key.responseHeaderVersion(version));
            Class<?> kind = Class.forName(MESSAGES + api + "ResponseData");
            Object response = kind.getConstructor(Readable.class, short.class)
                .newInstance(readable, version);
            Class<?> shown = Class.forName(MESSAGES + api + "ResponseDataJsonConverter");
            return shown.getMethod("write", kind, short.class).invoke(null, response, version)
                .toString();
        } catch (IOException closed) {
            socket = new Socket(host, port);
            return "closed";
        }
    }
}
